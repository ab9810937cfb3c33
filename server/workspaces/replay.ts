// Makes a job's commits again on the remote's own commit, for its branch: same trees, same messages, our name.
import { readBases } from "./base-record";
import { assertObjectId, GitError } from "./git";
import { type LogEntry, log } from "./read-files";
import { entryOf, withEntry } from "./without-folder";
import { writeCommit } from "./write-commit";

export interface Replay {
  /** Commit of ours that has the base's tree, and the job's newest. */
  root: string;
  head: string;
  /** The remote's commit that the root stands for. */
  baseCommit: string;
  /** Folders at the top that are not taken along; one that the base has stays as it is there. */
  without?: readonly string[];
}

/** More commits than any job makes. */
const MAX_COMMITS = 10_000;

interface Placed {
  commit: string;
  tree: string;
  /** A commit of the remote, not one of the job. */
  base: boolean;
  /** The entries of the folders that are left out, in the newest base below: what of them is the repository's own. */
  own: readonly (string | null)[];
}

/**
 * The tip of the job's commits on the real base, which is the base itself when they change nothing. Commits that change
 * nothing are left out. A base that was merged becomes a merge with the real one. The same input gives the same ids.
 * @throws GitError
 */
export async function replayOnto(
  dir: string,
  { root, head, baseCommit, without = [] }: Replay,
): Promise<string> {
  const real = new Map((await readBases(dir)).map((base) => [base.root, base.commit]));
  real.set(assertObjectId(root), assertObjectId(baseCommit));
  const placed = new Map<string, Placed>();
  for (const entry of (await log(dir, head, MAX_COMMITS)).reverse()) {
    const base = real.get(entry.commit);
    if (base) {
      const own = await Promise.all(without.map((name) => entryOf(dir, entry.tree, name)));
      placed.set(entry.commit, { commit: base, tree: entry.tree, base: true, own });
      continue;
    }
    const parents = parentsOf(entry, placed);
    // By who stands on whom: the times of commits say nothing.
    const own = (parents.find((parent) => parent.base) ?? parents[0])?.own ?? [];
    let { tree } = entry;
    for (const [i, name] of without.entries()) tree = await withEntry(dir, tree, name, own[i] ?? null);
    placed.set(entry.commit, { ...(await place(dir, { ...entry, tree }, parents)), own });
  }
  const tip = placed.get(head);
  if (!tip) throw unknownCommit(head);
  return tip.commit;
}

function parentsOf(entry: LogEntry, placed: ReadonlyMap<string, Placed>): Placed[] {
  const parents = entry.parents.map((parent) => {
    const found = placed.get(parent);
    if (!found) throw unknownCommit(parent);
    return found;
  });
  // A base that was merged before the job had done anything is simply the base.
  const own = parents.filter(({ base }) => !base);
  return own.length > 0 ? parents : parents.slice(-1);
}

async function place(dir: string, entry: LogEntry, parents: Placed[]): Promise<Omit<Placed, "own">> {
  const [first, ...others] = parents;
  if (!first) throw unknownCommit(entry.commit);
  if (others.length === 0 && first.tree === entry.tree) return first;
  const { tree, message, at } = entry;
  const seconds = Math.floor(at.getTime() / 1000);
  const commit = await writeCommit(dir, {
    tree,
    parents: parents.map((parent) => parent.commit),
    message,
    seconds,
  });
  return { commit, tree, base: false };
}

function unknownCommit(commit: string): GitError {
  return new GitError("failed", "log", null, null, `${commit} does not stand on a base of this repository`);
}
