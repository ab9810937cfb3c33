import type { Db } from "../../db";
import { addToOutbox } from "./add-to-outbox";

/** How long a claimed job may be without an engine run before its start is sent again, in seconds. */
const PATIENCE_SECONDS = 30;

/**
 * Sends `job/started` again for jobs that no engine run has taken. Taking is a compare-and-set, so one start too many
 * has no effect.
 */
export async function resendStarts(db: Db): Promise<number> {
  const lost = await db.$queryRaw<{ public_id: string; run: number; stamp: string }[]>`
    SELECT j.public_id, j.run, to_char(date_trunc('minute', now()), 'YYYYMMDDHH24MI') AS stamp FROM job j
    WHERE j.state = 'running' AND j.engine_run_id IS NULL
      AND EXISTS (SELECT 1 FROM outbox o WHERE o.id = 'started:' || j.public_id || ':' || j.run
        AND o.sent_at < now() - make_interval(secs => ${PATIENCE_SECONDS}::float8))
    LIMIT 100`;
  for (const { public_id: job, run, stamp } of lost) {
    await db.$transaction((tx) =>
      addToOutbox(tx, "job/started", { job, run }, `started:${job}:${run}:${stamp}`),
    );
  }
  return lost.length;
}
