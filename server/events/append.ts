// Appends to a job's log, always inside the caller's transaction: what the log says and what the rows say
// are committed together. One NOTIFY per call, however many events.
import type { Tx } from "../db";
import type { NewJobEvent } from "../domain/events";
import { mapText, plainText } from "../domain/plain-json";

/** Channel on which every append is announced, as `<job>:<last seq>:<team>` (internal ids). */
export const JOB_CHANNEL = "fabrica_job";

/**
 * Appends events in the given order; the sequence numbers of a job have no gaps.
 * @param job internal id of the job
 */
export async function appendEvents(tx: Tx, job: bigint, events: readonly NewJobEvent[]): Promise<void> {
  if (events.length === 0) return;
  // A title that was cut in the middle of an emoji must not make the whole transaction fail.
  const rows = JSON.stringify(
    events.map((event) => ({ type: event.type, data: mapText(event.data, plainText) })),
  );
  await tx.$queryRaw`
    WITH counted AS (
      UPDATE job SET last_seq = last_seq + ${events.length}::int WHERE id = ${job}
      RETURNING id, last_seq, run, team_id
    ), written AS (
      INSERT INTO job_event (job_id, seq, run, type, data)
      SELECT c.id, c.last_seq - ${events.length}::int + e.n, c.run, e.item->>'type', e.item->'data'
      FROM counted c, jsonb_array_elements(${rows}::jsonb) WITH ORDINALITY AS e(item, n)
    )
    SELECT pg_notify(${JOB_CHANNEL}, id || ':' || last_seq || ':' || team_id)::text FROM counted`;
}
