// Appends to a job's log, always inside the caller's transaction: what the log says and what the rows say
// are committed together. One NOTIFY per call, however many events.
import type { Tx } from "../db";
import type { NewJobEvent } from "../domain/events";
import { mapText, plainText } from "../domain/plain-json";
import { Prisma } from "../generated/prisma/client";

/** Channel on which every append is announced, as `<job>:<last seq>:<team>` (internal ids). */
export const JOB_CHANNEL = "fabrica_job";

/**
 * Appends events in the given order; the sequence numbers of a job have no gaps.
 * @param job internal id of the job
 */
export async function appendEvents(tx: Tx, job: bigint, events: readonly NewJobEvent[]): Promise<void> {
  if (events.length === 0) return;
  const target = Prisma.sql`SELECT ${job}::bigint`;
  await tx.$queryRaw`WITH ${appending(target, events)} ${ANNOUNCED}`;
}

/**
 * The same as a part of a larger statement, for calls that come so often that each round trip counts. Use it as
 * `WITH …, ${appending(…)} …` and end the statement with ANNOUNCED.
 * @param target a query for the internal id of the job; where it gives no row nothing is appended
 * @param set further columns of the job to set, `, column = value`: a statement may change a row only once
 */
export function appending(
  target: Prisma.Sql,
  events: readonly NewJobEvent[],
  set: Prisma.Sql = Prisma.empty,
): Prisma.Sql {
  // A title that was cut in the middle of an emoji must not make the whole transaction fail.
  const rows = JSON.stringify(
    events.map((event) => ({ type: event.type, data: mapText(event.data, plainText) })),
  );
  return Prisma.sql`counted AS (
      UPDATE job SET last_seq = last_seq + ${events.length}::int ${set} WHERE id IN (${target})
      RETURNING id, last_seq, run, team_id
    ), written AS (
      INSERT INTO job_event (job_id, seq, run, type, data)
      SELECT c.id, c.last_seq - ${events.length}::int + e.n, c.run, e.item->>'type', e.item->'data'
      FROM counted c, jsonb_array_elements(${rows}::jsonb) WITH ORDINALITY AS e(item, n)
    )`;
}

/** Ends a statement with `appending` in it: one row for each job that was appended to. */
export const ANNOUNCED = Prisma.sql`
  SELECT pg_notify(${JOB_CHANNEL}, id || ':' || last_seq || ':' || team_id)::text AS told FROM counted`;
