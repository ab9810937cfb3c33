// How a run of a job ended, and what that says of the learnings that its agents were told.
import type { Db, Tx } from "../../db";
import type { LearningOutcome } from "../../domain/learning";

/** What an end is worth for a learning that was told: 1 is the best. */
const WORTH: Record<LearningOutcome, number | null> = {
  first_attempt: 1,
  with_fixes: 0.25,
  failed: -1,
  // A person's decision says nothing about it.
  cancelled: null,
};
/** How far one end moves a score towards its worth. */
const STEP = 0.2;

/**
 * The outcome of a run, as the job's log has it.
 * @returns null while it goes on
 */
export async function outcomeOf(db: Db, job: bigint, run: number): Promise<LearningOutcome | null> {
  const [last] = await db.$queryRaw<{ state: string }[]>`
    SELECT data->>'to' AS state FROM job_event
    WHERE job_id = ${job} AND run = ${run}::int AND type = 'job.moved' ORDER BY seq DESC LIMIT 1`;
  switch (last?.state) {
    case "completed":
      return (await fixesOf(db, job, run)) > 0 ? "with_fixes" : "first_attempt";
    case "failed":
    case "escalated":
      return "failed";
    case "cancelled":
      return "cancelled";
    default:
      return null;
  }
}

async function fixesOf(db: Db, jobId: bigint, run: number): Promise<number> {
  const { _sum } = await db.task.aggregate({ where: { jobId, run }, _sum: { fixes: true } });
  return _sum.fixes ?? 0;
}

/** Writes the outcome to every use of a run, once; counts the uses, and moves each learning's score once. The team is locked. */
export async function settleUses(tx: Tx, job: bigint, run: number, outcome: LearningOutcome): Promise<void> {
  const worth = WORTH[outcome];
  await tx.$executeRaw`
    WITH settled AS (
      UPDATE learning_use SET outcome = ${outcome}
      WHERE job_id = ${job} AND run = ${run}::int AND outcome IS NULL RETURNING learning_id
    ), told AS (SELECT learning_id, count(*)::int AS times FROM settled GROUP BY 1)
    UPDATE learning SET uses = uses + told.times,
      score = score + COALESCE(${STEP}::float8 * (${worth}::float8 - score), 0)
    FROM told WHERE id = told.learning_id`;
}
