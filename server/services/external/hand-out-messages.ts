// What people say to a job reaches its external agent in order and once. A message is marked read where it is handed out,
// under a number that the worker chose, so an answer that was lost is given again. What a lease was told whose work never
// came in is told again to the lease after it: nobody has acted on it.
import type { MessagesAnswer } from "../../../runner/protocol";
import { type Db, runStatement, type Tx } from "../../db";
import { appendEvents } from "../../events/append";
import { type Job, type JobMessage, Prisma } from "../../generated/prisma/client";
import { holdExternal, type LeaseCall } from "./external-lease";

type Told = Pick<JobMessage, "id" | "author" | "text" | "createdAt">;

/**
 * The messages of one asking: those that were handed out with it before, else those that wait.
 * @param call.ask number of the asking within the lease, from 1; it only rises
 * @throws AppError as holdExternal
 */
export async function handOutMessages(db: Db, call: LeaseCall & { ask: number }): Promise<MessagesAnswer> {
  const told = await db.$transaction(async (tx) => {
    const job = await holdExternal(tx, call);
    const given = await tx.jobMessage.findMany({
      where: { jobId: job.id, run: job.run, externalFence: job.fence, externalAsk: { gte: call.ask } },
      orderBy: { id: "asc" },
    });
    if (given.length > 0) return given.filter(({ externalAsk }) => externalAsk === call.ask);
    return handOut(tx, job, call.ask);
  });
  return {
    messages: told.map(({ id, author, text, createdAt }) => ({
      message_id: String(id),
      author,
      text,
      sent_at: createdAt.toISOString(),
    })),
  };
}

async function handOut(tx: Tx, job: Job, ask: number): Promise<Told[]> {
  const rows = await runStatement<Told & Record<string, unknown>>(
    tx,
    Prisma.sql`
      UPDATE job_message m SET delivered_at = now(), external_fence = ${job.fence}::int, external_ask = ${ask}::int
      WHERE ${waitsFor(job)} RETURNING id, author, text, created_at AS "createdAt"`,
  );
  const told = rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  if (told.length > 0)
    await appendEvents(tx, job.id, [
      {
        type: "steer.delivered",
        data: { messages: told.map(({ id }) => String(id)), agent_run: "external agent", turn: ask },
      },
    ]);
  return told;
}

/** Messages `m` that the agent of this lease does not have. */
const waitsFor = ({ id, run, fence }: Pick<Job, "id" | "run" | "fence">) => Prisma.sql`
  m.job_id = ${id}::bigint AND m.run = ${run}::int AND (m.delivered_at IS NULL
    OR (m.external_fence IS NOT NULL AND m.external_fence <> ${fence}::int AND NOT m.external_kept))`;

/** How many messages wait to be asked for under this lease. @param job held by the caller */
export async function waitingMessages(tx: Tx, job: Pick<Job, "id" | "run" | "fence">): Promise<number> {
  const [row] = await runStatement<{ count: number }>(
    tx,
    Prisma.sql`SELECT count(*)::int AS count FROM job_message m WHERE ${waitsFor(job)}`,
  );
  return row?.count ?? 0;
}

/** Work of a lease came in: what it was told before is done with. */
export async function keepTold(tx: Tx, job: Pick<Job, "id">, fence: number): Promise<void> {
  await tx.$executeRaw`
    UPDATE job_message SET external_kept = true
    WHERE job_id = ${job.id} AND external_fence = ${fence}::int AND NOT external_kept`;
}
