// The only code that writes files of a job to a folder of the host (invariant 9): from git objects, after the tree
// policy, into a new folder that is then renamed. It never follows a link, because it never makes one.
import { lstat, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { carriesOf, readBases } from "../workspaces/base-record";
import { GitError, type GitProcess, startGit } from "../workspaces/git";
import { listCheckedTree } from "../workspaces/list-tree";
import { readObjects } from "../workspaces/object-stream";
import { TREE_LIMITS, type TreeEntry, type TreeLimits } from "../workspaces/tree-policy";
import { clearBeside, writeBeside } from "../workspaces/write-beside";

/** Something is there already. A delivery that runs again finds its own result this way. */
export class TargetExists extends Error {
  constructor(readonly target: string) {
    super(`There is already something at ${target}.`);
    this.name = "TargetExists";
  }
}

/**
 * Writes the files of a commit to `target`, an absolute path at which nothing may be yet; its parent is made.
 * @returns number of files and bytes written
 * @throws TargetExists; WorkspaceRefused when the tree breaks a rule; GitError; file system errors
 */
export async function writeTree(
  dir: string,
  commit: string,
  target: string,
  limits: TreeLimits = TREE_LIMITS,
): Promise<{ files: number; bytes: number }> {
  if (await exists(target)) {
    await clearBeside(target);
    throw new TargetExists(target);
  }
  const carries = carriesOf(await readBases(dir));
  // Links and submodules that somebody else's repository has are for git only, and not among these.
  const files = await listCheckedTree(commit, limits, { dir }, carries);
  return writeBeside(target, async (beside) => {
    await mkdir(beside, { mode: 0o755 });
    const bytes = await writeFiles(dir, files, beside);
    if (await exists(target)) throw new TargetExists(target);
    return { files: files.length, bytes };
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function writeFiles(dir: string, files: TreeEntry[], folder: string): Promise<number> {
  if (files.length === 0) return 0;
  const input = files.map((file) => `${file.oid}\n`).join("");
  const child = startGit(["cat-file", "--batch"], { dir, input, timeoutMs: 120_000 });
  const made = new Set<string>([folder]);
  let bytes = 0;
  try {
    if (!child.stdout) throw new Error("git has no output");
    const contents = readObjects(child.stdout);
    for (const file of files) {
      const next = await contents.next();
      if (next.done) throw await cutOff(child);
      const path = join(folder, file.path);
      if (!made.has(dirname(path))) {
        await mkdir(dirname(path), { recursive: true, mode: 0o755 });
        made.add(dirname(path));
      }
      // "wx" never opens something that is there, links included. One at a time: the disk is the limit, not we.
      await writeFile(path, next.value, { flag: "wx", mode: file.mode === "100755" ? 0o755 : 0o644 });
      bytes += next.value.length;
    }
    // Reads to the end of the output, without which the process does not count as ended.
    await contents.next();
    await child.done;
    return bytes;
  } finally {
    child.stop();
  }
}

/** git's own reason when it has one. */
async function cutOff(child: GitProcess): Promise<GitError> {
  await child.done;
  return new GitError("failed", "cat-file", null, null, "the answer was cut off");
}
