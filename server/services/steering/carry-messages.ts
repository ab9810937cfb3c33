// A message is meant for the job, not for one of its runs: what no agent had read when a run ended waits in the next one.
import { runStatement, type Tx } from "../../db";
import { appendEvents } from "../../events/append";
import { type Job, Prisma } from "../../generated/prisma/client";

/**
 * Takes the unread messages of the run before along into the one that begins, and says so in the job's log.
 * @param job with the number of the new run
 */
export async function carryMessages(tx: Tx, { id, run }: Pick<Job, "id" | "run">): Promise<void> {
  const carried = await runStatement<{ id: bigint }>(
    tx,
    Prisma.sql`
      UPDATE job_message SET run = ${run}::int, agent_run_id = NULL, turn = NULL
      WHERE job_id = ${id}::bigint AND run = ${run - 1}::int AND delivered_at IS NULL RETURNING id`,
  );
  if (carried.length === 0) return;
  const messages = carried.map((one) => one.id).sort((a, b) => (a < b ? -1 : 1));
  await appendEvents(tx, id, [{ type: "steer.carried", data: { messages: messages.map(String) } }]);
}
