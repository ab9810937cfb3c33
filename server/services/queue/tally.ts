// The counters behind the queue's statistics: one row for a team, a lane, an hour and a shard, so that figures are
// read and not counted. Writers at once have different shards and do not wait for each other.
import type { JobState } from "../../domain/job-state";
import { Prisma } from "../../generated/prisma/client";

const SHARDS = 16;
const WHERE_AND_WHEN = Prisma.sql`date_trunc('hour', now(), 'UTC'), pg_backend_pid() % ${SHARDS}::int`;

/** Counts the claims in `claimed`: of all, and of those that began a run, with how long these had waited. */
export const TALLY_OF_CLAIM = Prisma.sql`tally AS (
  INSERT INTO queue_tally AS t (team_id, lane, hour, shard, claims, begun, wait_ms, wait_max_ms)
  SELECT c.team_id, c.lane, ${WHERE_AND_WHEN}, count(*), sum(c.begun), sum(c.waited), max(c.waited)
  FROM (SELECT team_id, lane, _begun::int AS begun, CASE WHEN _begun
    THEN COALESCE(extract(epoch FROM now() - queued_at) * 1000, 0)::bigint ELSE 0 END AS waited FROM claimed) c
  GROUP BY c.team_id, c.lane ORDER BY c.team_id, c.lane
  ON CONFLICT (team_id, hour, lane, shard) DO UPDATE SET claims = t.claims + excluded.claims,
    begun = t.begun + excluded.begun, wait_ms = t.wait_ms + excluded.wait_ms,
    wait_max_ms = greatest(t.wait_max_ms, excluded.wait_max_ms))`;

/**
 * Counts the jobs in `moved` when they are completed or failed, with the time since their start; nothing for other
 * ends. A candidate is a part of its parent and counts with that one.
 */
export function tallyOfEnd(target: JobState | "resume"): Prisma.Sql[] {
  if (target !== "completed" && target !== "failed") return [];
  const [completed, failed] = target === "completed" ? [1, 0] : [0, 1];
  return [
    Prisma.sql`tally AS (
      INSERT INTO queue_tally AS t (team_id, lane, hour, shard, completed, failed, duration_ms, duration_max_ms)
      SELECT m.team_id, m.lane, ${WHERE_AND_WHEN}, count(*) * ${completed}::int, count(*) * ${failed}::int,
        sum(m.took), max(m.took)
      FROM (SELECT team_id, lane,
        COALESCE(extract(epoch FROM completed_at - started_at) * 1000, 0)::bigint AS took FROM moved WHERE kind <> 'candidate') m
      GROUP BY m.team_id, m.lane ORDER BY m.team_id, m.lane
      ON CONFLICT (team_id, hour, lane, shard) DO UPDATE SET
        completed = t.completed + excluded.completed, failed = t.failed + excluded.failed,
        duration_ms = t.duration_ms + excluded.duration_ms,
        duration_max_ms = greatest(t.duration_max_ms, excluded.duration_max_ms))`,
  ];
}
