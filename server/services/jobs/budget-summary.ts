// What a job has come to when its money is used up: for its log, and in one sentence.
import type { Tx } from "../../db";
import type { NewJobEvent } from "../../domain/events";
import { toUsd } from "../../domain/money";
import type { ReachedCap } from "../spend/reserve-spend";

/** Open tasks that are named; the log is no place for long lists. */
const NAMED = 10;
const TITLE_SHOWN = 120;

/** @param job internal id */
export async function budgetSummary(
  tx: Tx,
  job: bigint,
  reached: ReachedCap | null,
): Promise<{ sentence: string; event: NewJobEvent }> {
  const row = await tx.job.findUniqueOrThrow({
    where: { id: job },
    select: { run: true, rootId: true, headCommit: true },
  });
  // The cap is the root's, and so is what was spent of it.
  const paying = await tx.job.findUniqueOrThrow({
    where: { id: row.rootId ?? job },
    select: { spentMicroUsd: true, budgetMicroUsd: true },
  });
  const tasks = await tx.task.findMany({ where: { jobId: job, run: row.run }, orderBy: { n: "asc" } });
  const open = tasks.filter((task) => !task.done);
  const done = tasks.length - open.length;
  const named = open.slice(0, NAMED).map(({ title }) => title.slice(0, TITLE_SHOWN).toWellFormed());
  const spent = toUsd(paying.spentMicroUsd);
  const shown = spent < 1 ? String(spent) : spent.toFixed(2);
  return {
    sentence: `${tasks.length === 0 ? "Nothing is planned yet" : `${done} of ${tasks.length} tasks done`}; $${shown} spent.`,
    event: {
      type: "budget.reached",
      data: {
        whose: reached?.whose ?? "job",
        cap_usd: toUsd(reached?.cap ?? paying.budgetMicroUsd),
        spent_usd: spent,
        tasks_done: done,
        tasks: tasks.length,
        open: open.length > NAMED ? [...named, `and ${open.length - NAMED} more`] : named,
        commit: row.headCommit,
      },
    },
  };
}
