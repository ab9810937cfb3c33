// A job that rests until its candidates are over goes on when the last of them settles. Looked at behind the commit of
// each settling move, in a transaction that holds no candidate's row: of two that settle at once the later look sees
// both, and nobody waits for anybody in a circle. Should the process die in between, a sweep looks.
import { type Db, runStatement, type Tx } from "../../db";
import { isSettled, type JobState, SETTLED } from "../../domain/job-state";
import { appendEvents } from "../../events/append";
import { Prisma } from "../../generated/prisma/client";
import { moveJob } from "../jobs/move-job";

/** Whether nobody of the parent's present run is left to be waited for; `p` is the parent. */
const ALL_SETTLED = Prisma.sql`
  NOT EXISTS (SELECT 1 FROM job c WHERE c.parent_id = p.id AND c.parent_run = p.run
    AND NOT c.state::text = ANY(${[...SETTLED]}::text[]))`;

/**
 * Called behind the commit of a move. Does nothing for a job that is no candidate or is not over.
 * @param child internal id
 */
export async function wakeParentOf(db: Db, child: { id: bigint; state: JobState }): Promise<void> {
  if (!isSettled(child.state)) return;
  const job = await db.job.findUnique({
    where: { id: child.id },
    select: { parentId: true, candidateN: true },
  });
  if (job?.parentId == null || job.candidateN === null) return;
  await db.$transaction((tx) => wakeParent(tx, job.parentId as bigint));
}

/**
 * Lets parents go on whom nobody woke. Safe in several processes at once.
 * @returns how many go on
 */
export async function sweepParents(db: Db): Promise<number> {
  const due = await runStatement<{ id: bigint }>(
    db,
    Prisma.sql`
      SELECT p.id FROM job p WHERE p.state = 'paused' AND p.waiting_code = 'children' AND ${ALL_SETTLED} LIMIT 100`,
  );
  let woken = 0;
  for (const { id } of due) if (await db.$transaction((tx) => wakeParent(tx, id))) woken++;
  return woken;
}

/** Says in the parent's log who has settled since the last look, and lets it go on when all have. */
async function wakeParent(tx: Tx, id: bigint): Promise<boolean> {
  const [parent] = await runStatement<{ waits: boolean }>(
    tx,
    Prisma.sql`
      SELECT p.state = 'paused' AND p.waiting_code = 'children' AS waits FROM job p WHERE p.id = ${id}::bigint FOR UPDATE`,
  );
  if (!parent?.waits) return false;
  // A statement of its own, so that it sees what was committed while the row was waited for.
  await logSettled(tx, id);
  const [all] = await runStatement<{ over: boolean }>(
    tx,
    Prisma.sql`SELECT ${ALL_SETTLED} AS over FROM job p WHERE p.id = ${id}::bigint`,
  );
  if (!all?.over) return false;
  await moveJob(tx, { job: id, move: "resume", actor: "factory", reason: "all candidates are over" });
  return true;
}

async function logSettled(tx: Tx, id: bigint): Promise<void> {
  const settled = await runStatement<{ job_id: string; n: number; status: JobState }>(
    tx,
    Prisma.sql`
      SELECT c.public_id AS job_id, c.candidate_n AS n, c.state::text AS status
      FROM job p JOIN job c ON c.parent_id = p.id AND c.parent_run = p.run
      WHERE p.id = ${id}::bigint AND c.state::text = ANY(${[...SETTLED]}::text[])
        AND NOT EXISTS (SELECT 1 FROM job_event e WHERE e.job_id = p.id AND e.run = p.run
          AND e.type = 'candidate.settled' AND e.data->>'job_id' = c.public_id)
      ORDER BY c.completed_at, c.candidate_n`,
  );
  await appendEvents(
    tx,
    id,
    settled.map((data) => ({ type: "candidate.settled" as const, data })),
  );
}
