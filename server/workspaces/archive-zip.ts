// Makes a zip file of a commit's files. Attributes of the tree have no say: see repository.ts.
import { randomBytes } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { assertObjectId, git } from "./git";

/**
 * Writes the files of a commit as a zip; it appears at `path` only when it is complete, replacing an older one.
 * `prefix` is a folder name that all files get in front.
 * @throws GitError
 */
export async function archiveZip(dir: string, commit: string, path: string, prefix?: string): Promise<void> {
  if (prefix !== undefined && !/^[A-Za-z0-9][\w.-]{0,99}$/.test(prefix))
    throw new TypeError("Not a folder name.");
  await mkdir(/* turbopackIgnore: true */ dirname(path), { recursive: true });
  const beside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    const args = [
      "archive",
      "--format=zip",
      ...(prefix ? [`--prefix=${prefix}/`] : []),
      assertObjectId(commit),
    ];
    await git(args, { dir, outputFile: beside, timeoutMs: 120_000 });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}
