/** What an evaluation came to: the figures, for all tasks and for each stack and kind, and the tables that show them. */
import type { EvalResult } from "./evaluate";
import type { EvalTask, TaskKind } from "./task";

/** A task that was not tried, or whose judgement broke: neither is the model's doing, and it is not resolved. */
export interface Broken {
  task: string;
  stack: EvalTask["stack"];
  kind: TaskKind;
  broken: string;
}
export type Ended = EvalResult | Broken;

export interface Figures {
  tasks: number;
  resolved: number;
  /** Shares are of all tasks, 0 to 1. */
  resolvedShare: number;
  /** Resolved in the first run of the job and without a round of fixing. */
  firstAttemptShare: number;
  /** Of the tasks of all checklists whose tests were run: those whose first run was green. Null when none was run. */
  testsFirstShare: number | null;
  costUsd: number;
  /** Null when nothing is resolved. */
  costPerResolvedUsd: number | null;
  turns: number;
  minutesMedian: number | null;
  minutesMax: number | null;
  /** How many tasks are not resolved, by reason. */
  failures: Record<string, number>;
}

export interface Report {
  all: Figures;
  byStack: Record<string, Figures>;
  byKind: Record<string, Figures>;
}

export const isBroken = (one: Ended): one is Broken => "broken" in one;

export function reportOf(results: readonly Ended[]): Report {
  const by = (key: "stack" | "kind") =>
    Object.fromEntries(
      [...new Set(results.map((one) => one[key]))]
        .sort()
        .map((value) => [value, figuresOf(results.filter((one) => one[key] === value))]),
    );
  return { all: figuresOf(results), byStack: by("stack"), byKind: by("kind") };
}

export function figuresOf(results: readonly Ended[]): Figures {
  const tried = results.filter((one): one is EvalResult => !isBroken(one));
  const resolved = tried.filter(({ failure }) => failure === null);
  const sum = (of: (one: EvalResult) => number) => tried.reduce((total, one) => total + of(one), 0);
  const share = (count: number) => (results.length === 0 ? 0 : count / results.length);
  const firstRuns = sum((one) => one.firstRuns);
  const costUsd = sum((one) => one.costUsd);
  const minutes = tried.map((one) => one.minutes).sort((a, b) => a - b);
  const failures: Record<string, number> = {};
  for (const one of results) {
    const why = isBroken(one) ? "not tried or not judged" : one.failure;
    if (why !== null) failures[why] = (failures[why] ?? 0) + 1;
  }
  return {
    tasks: results.length,
    resolved: resolved.length,
    resolvedShare: share(resolved.length),
    firstAttemptShare: share(resolved.filter(({ fixes }) => fixes === 0).length),
    testsFirstShare: firstRuns === 0 ? null : sum((one) => one.firstGreen) / firstRuns,
    costUsd,
    costPerResolvedUsd: resolved.length === 0 ? null : costUsd / resolved.length,
    turns: sum((one) => one.turns),
    minutesMedian: medianOf(minutes),
    minutesMax: minutes.at(-1) ?? null,
    failures,
  };
}

function medianOf(sorted: readonly number[]): number | null {
  if (sorted.length === 0) return null;
  const middle = sorted.length / 2;
  const at = (index: number) => sorted[index] as number;
  return Number.isInteger(middle) ? (at(middle - 1) + at(middle)) / 2 : at(Math.floor(middle));
}

const percent = (share: number | null) => (share === null ? "-" : `${Math.round(share * 100)} %`);
const dollars = (usd: number | null) => (usd === null ? "-" : `$${usd.toFixed(4)}`);
const minutesOf = (value: number | null) => (value === null ? "-" : value.toFixed(2));

/** One line, when a task has ended. */
export function lineOf(one: Ended): string {
  if (isBroken(one)) return `${one.task}: not judged: ${one.broken}`;
  const came = one.failure === null ? "resolved" : `not resolved: ${one.failure}: ${one.refused}`;
  return `${one.task}: ${came} (${one.job}, ${(one.minutes * 60).toFixed(0)} s)`;
}

/** The table of tasks, one row each. */
export function taskRows(results: readonly Ended[]): object[] {
  return results.map((one) => {
    const head = { task: one.task, stack: one.stack, kind: one.kind };
    if (isBroken(one)) return { ...head, resolved: "no", why: one.broken.slice(0, 60) };
    return {
      ...head,
      resolved: one.failure === null ? "yes" : "no",
      fixes: one.fixes,
      "first green": `${one.firstGreen}/${one.firstRuns}`,
      cost: dollars(one.costUsd),
      turns: one.turns,
      minutes: minutesOf(one.minutes),
      why: one.failure ?? "",
    };
  });
}

/** The table of figures: all, then each stack and kind. */
export function figureRows({ all, byStack, byKind }: Report): object[] {
  const groups = Object.entries({ all, ...byStack, ...byKind });
  return groups.map(([of, figures]) => ({
    of,
    tasks: figures.tasks,
    resolved: percent(figures.resolvedShare),
    "first attempt": percent(figures.firstAttemptShare),
    "tests first": percent(figures.testsFirstShare),
    cost: dollars(figures.costUsd),
    "cost/resolved": dollars(figures.costPerResolvedUsd),
    turns: figures.turns,
    "min. median": minutesOf(figures.minutesMedian),
    "min. max": minutesOf(figures.minutesMax),
  }));
}

/** Why tasks are not resolved, the most frequent reason first. */
export function failureLines({ failures }: Figures): string[] {
  return Object.entries(failures)
    .sort(([, a], [, b]) => b - a)
    .map(([why, count]) => `  ${count} × ${why}`);
}
