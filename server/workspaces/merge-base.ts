// Merges a base that moved into a job's work, without a working folder: `git merge-tree` on commits of ours. What
// cannot be merged stays in the files between conflict markers, for a person or a model to mend.
import { carriesOf, readBases } from "./base-record";
import { addRoot, borrow } from "./change-base";
import { assertObjectId, EMPTY_TREE, GitError, git } from "./git";
import { listCheckedTree } from "./list-tree";
import { mergeTrees } from "./merge-trees";
import { log } from "./read-files";
import { CHANGE_LIMITS } from "./tree-policy";
import { writeCommit } from "./write-commit";

export interface MovedBase {
  /** Commit of the remote that the job was begun from, and ours that has its tree. */
  baseCommit: string;
  root: string;
  /** Commit of the remote that it is to stand on now. */
  newBaseCommit: string;
  /** The job's work. */
  head: string;
}

export type Merged =
  | { kind: "same" }
  | {
      kind: "clean" | "conflict";
      /** The new head; its files hold conflict markers when there are conflicts. */
      commit: string;
      /** The new base root. */
      root: string;
      /** A sentence for each conflict, the quoted path first. */
      conflicts: string[];
      /** The paths of these conflicts. */
      paths: string[];
    };

/**
 * Merges. The mirror must have been refreshed. The same input gives the same commits.
 * @throws RemoteFault when the new base cannot be carried; WorkspaceRefused when the merged files cannot; GitError
 */
export async function mergeMoved(dir: string, mirrorDir: string, moved: MovedBase): Promise<Merged> {
  const { baseCommit, newBaseCommit, head } = moved;
  if (baseCommit === newBaseCommit) return { kind: "same" };
  await borrow(dir, mirrorDir);
  const { root } = await addRoot(dir, newBaseCommit);
  const [ours, theirs] = [await newest(dir, head), await newest(dir, root)];
  const seconds = Math.max(ours.seconds, theirs.seconds);
  // The merge looks for what both have in common, so the new base is put on top of the old one for the moment.
  const side = await writeCommit(dir, { tree: theirs.tree, parents: [moved.root], message: "Side", seconds });
  const { tree, conflicts } = await mergeTrees(dir, head, side);
  await listCheckedTree(tree, CHANGE_LIMITS, { dir }, carriesOf(await readBases(dir)));
  // History that was taken back upstream must not come back with our branch: then the work becomes one commit.
  const follows = await isAncestor(dir, baseCommit, newBaseCommit);
  const commit = await writeCommit(dir, {
    tree,
    parents: follows ? [head, root] : [root],
    message: follows ? `Merge the base as of ${newBaseCommit}` : await wholeMessage(dir, moved),
    seconds,
  });
  return {
    kind: conflicts.length > 0 ? "conflict" : "clean",
    commit,
    root,
    conflicts: conflicts.map(({ sentence }) => sentence),
    paths: [...new Set(conflicts.map(({ path }) => path))],
  };
}

async function newest(dir: string, commit: string): Promise<{ tree: string; seconds: number }> {
  const [entry] = await log(dir, commit, 1);
  return { tree: entry?.tree ?? EMPTY_TREE, seconds: Math.floor((entry?.at.getTime() ?? 0) / 1000) };
}

/** Whether `newer` has `older` in its history; both are there. @throws GitError */
export async function isAncestor(dir: string, older: string, newer: string): Promise<boolean> {
  try {
    await git(["merge-base", "--is-ancestor", assertObjectId(older), assertObjectId(newer)], { dir });
    return true;
  } catch (error) {
    if (error instanceof GitError && error.fault === "failed" && error.exitCode === 1) return false;
    throw error;
  }
}

/** One message for all commits of the job. */
async function wholeMessage(dir: string, { head, root }: MovedBase): Promise<string> {
  const entries = (await log(dir, head)).filter(({ commit }) => commit !== root);
  const subjects = entries.reverse().map(({ message }) => `- ${message.split("\n", 1)[0] ?? ""}`);
  return `The work so far, on a base that was replaced\n\n${subjects.join("\n")}`;
}
