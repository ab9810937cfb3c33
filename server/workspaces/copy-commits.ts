// Commits go from one job's repository into another's as they are. Invariant 8: whole or not at all, through the same
// quarantine and under the same tree policy as everything that comes in.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { carriesOf, readBases } from "./base-record";
import { assertObjectId, GitError, git } from "./git";
import { listCheckedTree } from "./list-tree";
import { keepPacks, QUARANTINE, removeStale } from "./quarantine";
import { CHANGE_LIMITS, TREE_LIMITS } from "./tree-policy";

const COPY_MS = 120_000;
const STALE_MS = 60 * 60 * 1000;

export interface CopyCommits {
  /** Repository that has the commit. */
  from: string;
  /** Repository that gets it; it exists. */
  to: string;
  commit: string;
  /** A commit below it that both have, with everything below that; null for the whole history. */
  without: string | null;
}

/**
 * Copies a commit and what is below it. No ref moves; the same again changes nothing.
 * @throws WorkspaceRefused when its files break a rule of the receiving repository; GitError
 */
export async function copyCommits({ from, to, commit, without }: CopyCommits): Promise<void> {
  const bases = await readBases(to);
  const limits = bases.length > 0 ? CHANGE_LIMITS : TREE_LIMITS;
  if (await hasCommit(to, commit)) return;
  await removeStale(to, STALE_MS);
  const folder = await mkdtemp(join(to, QUARANTINE));
  const pack = join(folder, "pack");
  const quarantine = join(folder, "objects");
  try {
    await mkdir(join(quarantine, "pack"), { recursive: true, mode: 0o700 });
    const wanted = [assertObjectId(commit), ...(without === null ? [] : [`^${assertObjectId(without)}`])];
    await git(["pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset", "--window=0"], {
      dir: from,
      input: `${wanted.join("\n")}\n`,
      outputFile: pack,
      timeoutMs: COPY_MS,
    });
    const args = ["index-pack", "--strict", "--stdin"];
    await git(args, { dir: to, quarantine, inputFile: pack, timeoutMs: COPY_MS });
    await listCheckedTree(commit, limits, { dir: to, quarantine, timeoutMs: COPY_MS }, carriesOf(bases));
    await keepPacks(quarantine, to);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A pack appears as a whole, so that where a commit is, all below it is. */
async function hasCommit(dir: string, commit: string): Promise<boolean> {
  try {
    await git(["cat-file", "-e", `${assertObjectId(commit)}^{commit}`], { dir });
    return true;
  } catch (error) {
    if (error instanceof GitError && error.fault === "failed") return false;
    throw error;
  }
}
