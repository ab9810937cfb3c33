// From two lists, by words and by meaning, to one: reciprocal rank fusion, then what is known of each learning. Pure.

/** Weight of ranks: 1 / (60 + rank). Source: Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms …", 2009. */
const K = 60;
/** To be the first of a list; what else speaks for a learning is measured by it. */
const FIRST = 1 / (K + 1);

const BOOST = {
  /** A person says that it matters: as much as being first in a third list. */
  pinned: FIRST,
  sameRepository: FIRST / 2,
  /** Of another repository than the job's: it may still hold there. */
  otherRepository: -FIRST / 4,
  files: FIRST / 2,
  stack: FIRST / 4,
  /** For other technologies than the job's. */
  otherStack: -FIRST,
} as const;
/** Share of its weight that a learning gains or loses by the ends of the jobs that were told it. */
const SCORE_SHARE = 0.5;

/** What is known of a learning besides its words. */
export interface Known {
  id: bigint;
  projectId: bigint | null;
  stack: readonly string[];
  files: readonly string[];
  pinned: boolean;
  score: number;
}

/** What asks. */
export interface Asking {
  /** Undefined where it does not matter. */
  projectId: bigint | null | undefined;
  stack: readonly string[];
  files: readonly string[];
}

/** Reciprocal ranks of ids over some lists, each best first. */
function fuse(lists: readonly (readonly bigint[])[]): Map<bigint, number> {
  const weights = new Map<bigint, number>();
  for (const list of lists)
    list.forEach((id, i) => void weights.set(id, (weights.get(id) ?? 0) + 1 / (K + 1 + i)));
  return weights;
}

/** Best first; learnings that fit nothing are left out. Equal ones: the newer first. */
export function rank<T extends Known>(
  lists: readonly (readonly bigint[])[],
  known: readonly T[],
  asking: Asking,
): { learning: T; relevance: number }[] {
  const weights = fuse(lists);
  const ranked = known.map((learning) => ({
    learning,
    relevance:
      ((weights.get(learning.id) ?? 0) + boostOf(learning, asking)) * (1 + SCORE_SHARE * learning.score),
  }));
  return ranked
    .filter(({ relevance }) => relevance > 0)
    .sort((a, b) => b.relevance - a.relevance || (a.learning.id < b.learning.id ? 1 : -1));
}

function boostOf(learning: Known, asking: Asking): number {
  let boost = learning.pinned ? BOOST.pinned : 0;
  if (learning.projectId !== null && asking.projectId !== undefined)
    boost += learning.projectId === asking.projectId ? BOOST.sameRepository : BOOST.otherRepository;
  if (learning.stack.length > 0 && asking.stack.length > 0)
    boost += overlap(learning.stack, asking.stack) ? BOOST.stack : BOOST.otherStack;
  if (overlap(learning.files, asking.files)) boost += BOOST.files;
  return boost;
}

function overlap(some: readonly string[], others: readonly string[]): boolean {
  const known = new Set(others);
  return some.some((one) => known.has(one));
}
