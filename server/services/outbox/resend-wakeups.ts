// Wakes engine runs that sleep too long. An engine hands an event only to who waits for it already: one that comes between a
// step's look at the row and its wait is missed, and an accident at the engine makes that moment long. The wait has an end of its
// own, but one that grows to a quarter of an hour and, for a pause, to a day; as does, to a minute, the sleep of a step that was
// told to look again later.
import { type Db, runStatement } from "../../db";
import { Prisma } from "../../generated/prisma/client";
import { OUTBOX_CHANNEL } from "./add-to-outbox";

/** From this silence on, in seconds: what goes on by itself has done so by then. */
const SILENCE_SECONDS = 5;
/** So many of the commands that were waited for are told of again; one of the last is what the engine run waits for. */
const COMMANDS = 20;

/**
 * Tells the engine again of what a job under a lease may wait for while its log is silent: that it goes on, and which of its
 * commands are over. Once for every doubling of the silence, so that what was missed again is told again. Who waits for
 * something else, or is at work, hears nothing.
 * @returns how many events are sent
 */
export async function resendWakeups(db: Db): Promise<number> {
  const told = await runStatement(
    db,
    Prisma.sql`
      WITH silent AS MATERIALIZED (
        SELECT j.id, j.public_id, j.run, j.last_seq, floor(log(2, extract(epoch FROM now() - e.at))) AS doublings
        FROM job j JOIN job_event e ON e.job_id = j.id AND e.seq = j.last_seq
        WHERE j.lease_worker_id IS NOT NULL AND j.engine_run_id IS NOT NULL
          AND j.state IN ('running', 'validating', 'approved')
          AND e.at < now() - make_interval(secs => ${SILENCE_SECONDS}::float8)
      ), told AS (
        INSERT INTO outbox (id, name, data)
        SELECT concat_ws(':', 'wake', public_id, run, last_seq, doublings), 'job/resumed',
          jsonb_build_object('job', public_id, 'run', run)
        FROM silent
        UNION ALL
        SELECT concat_ws(':', 'wake', c.id, last_seq, doublings), 'command/finished',
          jsonb_build_object('job', public_id, 'command', c.id)
        FROM silent s CROSS JOIN LATERAL (
          SELECT c.id FROM command c
          WHERE c.job_id = s.id AND c.run = s.run AND c.awaited AND c.state IN ('finished', 'lost')
          ORDER BY c.position DESC LIMIT ${COMMANDS}
        ) c
        ON CONFLICT (id) DO NOTHING RETURNING id
      )
      SELECT pg_notify(${OUTBOX_CHANNEL}, '')::text FROM told`,
  );
  return told.length;
}
