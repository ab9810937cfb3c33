/** Writes the changes between two commits as a patch for `git apply`; `from` null for everything. @throws GitError */
export async function exportPatch(
  _dir: string,
  _from: string | null,
  _to: string,
  _path: string,
): Promise<void> {
  throw new Error("not yet");
}

export interface BundleFile {
  /** Commit and the branch name under which the bundle offers it. */
  commit: string;
  branch: string;
  /** Commit that whoever takes the bundle has already; null for a whole repository. */
  without: string | null;
}

/** Writes a bundle file for `git fetch <file> <branch>`. @throws GitError */
export async function exportBundleFile(_dir: string, _bundle: BundleFile, _path: string): Promise<void> {
  throw new Error("not yet");
}
