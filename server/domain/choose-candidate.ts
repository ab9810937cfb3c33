// Which of several candidates is taken. Pure and deterministic: the same figures give the same choice and the same
// words. Only what its own validation found green can be taken; the tests that nobody who wrote it has seen decide first.
import type { JobState } from "./job-state";

interface Counted {
  passed: number;
  failed: number;
}

/** What a candidate came to. */
export interface CandidateFigures {
  job_id: string;
  n: number;
  status: JobState;
  /** Why it did not come to its end. */
  error: string | null;
  tests: Counted | null;
  /** Tests that were written apart and kept from whoever wrote the code. */
  held_back: Counted | null;
  /** Problems that the linters found in the end. */
  lint: number | null;
  /** Lines that were added and removed since the plan. */
  diff: { files: number; added: number; removed: number } | null;
  cost_usd: number;
  turns: number;
  duration_seconds: number | null;
}

export interface Choice {
  /** Number of the candidate that is taken, null when none can be. */
  chosen: number | null;
  /** For people: what decided. */
  why: string;
  /** The same for each candidate by its number. */
  reasons: Record<number, string>;
}

interface Criterion {
  /** Smaller is better. */
  value: (figures: CandidateFigures) => number;
  /** What the better of two has, and what the other one, as the end of a sentence. */
  better: (winner: CandidateFigures, other: CandidateFigures) => string;
  worse: (loser: CandidateFigures, winner: CandidateFigures) => string;
}

const heldBack = ({ held_back: held }: CandidateFigures) => held?.passed ?? 0;
const lines = ({ diff }: CandidateFigures) => (diff ? diff.added + diff.removed : 0);
const counted = (count: number, noun: string) => `${count} ${count === 1 ? noun : `${noun}s`}`;
/** To the micro-dollar, because so they are compared. */
const usd = (amount: number) => `$${Number(amount.toFixed(6))}`;

/** In the order in which they decide. The number of the candidate is the last word, so two are never equal. */
const CRITERIA: readonly Criterion[] = [
  {
    value: (one) => -heldBack(one),
    better: (won, other) =>
      `passes more of the tests that were held back (${heldBack(won)}, the next ${heldBack(other)})`,
    worse: (lost, won) =>
      `passes fewer of the tests that were held back (${heldBack(lost)}, the best ${heldBack(won)})`,
  },
  {
    value: ({ lint }) => lint ?? 0,
    better: (won, other) =>
      `has fewer lint problems (${won.lint ?? 0}, the next ${other.lint ?? 0}) at equal tests`,
    worse: (lost, won) => `has more lint problems (${lost.lint ?? 0}, the best ${won.lint ?? 0})`,
  },
  {
    value: lines,
    better: (won, other) =>
      `changes fewer lines (${lines(won)}, the next ${lines(other)}) at equal tests and lint`,
    worse: (lost, won) => `changes more lines (${lines(lost)}, the best ${lines(won)})`,
  },
  {
    value: ({ cost_usd: cost }) => cost,
    better: (won, other) => `cost less (${usd(won.cost_usd)}, the next ${usd(other.cost_usd)}) at equal work`,
    worse: (lost, won) => `cost more (${usd(lost.cost_usd)}, the best ${usd(won.cost_usd)})`,
  },
  {
    value: ({ n }) => n,
    better: () => "came first of those that are equal in everything",
    worse: (_, won) => `is equal to candidate ${won.n}, which has the lower number`,
  },
];

const isGreen = ({ status }: CandidateFigures) => status === "completed";

function decider(a: CandidateFigures, b: CandidateFigures): Criterion | undefined {
  return CRITERIA.find(({ value }) => value(a) !== value(b));
}

function compare(a: CandidateFigures, b: CandidateFigures): number {
  const by = decider(a, b);
  return by ? by.value(a) - by.value(b) : 0;
}

/**
 * Chooses: most held-back tests passed, then fewer lint problems, fewer changed lines, cheaper, the lower number.
 * @param candidates settled ones, in any order
 */
export function chooseCandidate(candidates: readonly CandidateFigures[]): Choice {
  const green = candidates.filter(isGreen).toSorted(compare);
  const [winner, next] = green;
  const reasons: Record<number, string> = {};
  for (const one of candidates) reasons[one.n] = reasonOf(one, winner, next);
  if (winner) return { chosen: winner.n, why: `Candidate ${winner.n} ${reasons[winner.n]}.`, reasons };
  const ends = candidates.map((one) => `candidate ${one.n} ${reasons[one.n]}`).join("; ");
  const why = `None of ${counted(candidates.length, "candidate")} came to a green end: ${ends}. What each has committed is kept.`;
  return { chosen: null, why, reasons };
}

function reasonOf(
  one: CandidateFigures,
  winner: CandidateFigures | undefined,
  next: CandidateFigures | undefined,
): string {
  if (!isGreen(one))
    return one.error ? `${one.status}: ${one.error.replace(/\.+$/, "")}` : `is ${one.status}`;
  if (!winner) return "is green";
  if (one.n === winner.n) {
    if (!next) return "is the only one that came to a green end";
    return decider(one, next)?.better(one, next) ?? "is the best";
  }
  return decider(one, winner)?.worse(one, winner) ?? "is not the best";
}
