// Makes a tree out of another one with some files replaced or taken away, without a folder: by an index of its own.
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { assertObjectId, EMPTY_TREE, git } from "./git";
import { QUARANTINE } from "./quarantine";

/** What a path is to be; null takes it away. The object must be there. */
export type TreeEdit = readonly [path: string, file: { mode: string; oid: string } | null];

const NO_OBJECT = "0".repeat(40);

/**
 * @param treeish tree or commit to begin from; null for an empty one
 * @returns the id of the new tree; without edits that change anything it is the same one
 * @throws GitError
 */
export async function editTree(
  dir: string,
  treeish: string | null,
  edits: readonly TreeEdit[],
): Promise<string> {
  // Named like a quarantine, so that what a killed process left is removed with those.
  const folder = await mkdtemp(join(dir, QUARANTINE));
  const env = { GIT_INDEX_FILE: join(folder, "index") };
  try {
    await git(["read-tree", treeish === null ? EMPTY_TREE : assertObjectId(treeish)], { dir, env });
    const lines = edits.map(([path, file]) =>
      file === null ? `0 ${NO_OBJECT}\t${path}\0` : `${file.mode} ${assertObjectId(file.oid)}\t${path}\0`,
    );
    await git(["update-index", "-z", "--index-info"], { dir, env, input: lines.join("") });
    return (await git(["write-tree"], { dir, env })).toString("utf8").trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
