// Makes a zip file of a commit's files. Attributes of the tree have no say: see repository.ts.
import { assertObjectId, git } from "./git";
import { writeBeside } from "./write-beside";

/**
 * Writes the files of a commit as a zip; it appears at `path` only when it is complete, replacing an older one.
 * `prefix` is a folder name that all files get in front.
 * @throws GitError
 */
export async function archiveZip(dir: string, commit: string, path: string, prefix?: string): Promise<void> {
  if (prefix !== undefined && !/^[A-Za-z0-9][\w.-]{0,99}$/.test(prefix))
    throw new TypeError("Not a folder name.");
  const args = [
    "archive",
    "--format=zip",
    ...(prefix ? [`--prefix=${prefix}/`] : []),
    assertObjectId(commit),
  ];
  await writeBeside(path, (beside) => git(args, { dir, outputFile: beside, timeoutMs: 120_000 }));
}
