/**
 * How long jobs stood still, told by the times that the database wrote into their logs. A silence is the time between
 * two events of a job that somebody has begun and that is not settled. What counts as recovery is the part of it that
 * the factory had to itself: from the end of the last accident that fell into it (the kill, the end of the sleep) on. More
 * jobs may have been begun than there are workers left; who waits for one recovers from when the last one before him was
 * done with his job, unless a worker went to a job that nobody had begun: that one should have been his.
 */
import type { Factory } from "@/tests/system/factory";
import type { Outage } from "./strike";

/** Time in which the log of a job did not go on, in milliseconds since the epoch. */
interface Silence {
  job: string;
  began: number;
  ended: number;
  /** What the job was at before. */
  before: string;
}

/** The part of a silence that the factory had to itself. */
export interface Recovery {
  job: string;
  ms: number;
  before: string;
  /** When it was over, in milliseconds since the epoch. */
  ended: number;
  /** The last accident that fell into the silence; null when there was none. */
  after: Outage | null;
}

/** Shorter silences cannot matter and are not read. */
const LEAST_MS = 1_000;

/** @param ids public ids of the jobs */
async function silences(factory: Factory, ids: readonly string[]): Promise<Silence[]> {
  const rows = await factory.sql<{ job: string; began: string; ended: string; before: string }>(
    `SELECT public_id AS job, before, extract(epoch FROM ended) * 1000 AS ended,
        -- Who lost his worker waits for one that is free: from the last one on that became so, or from the one that a job
        -- got instead that nobody had begun.
        extract(epoch FROM CASE WHEN before <> 'lease.lost' THEN began ELSE greatest(began, (
          SELECT max(o.at) FROM job_event o WHERE o.type = 'job.moved' AND o.data->>'to' = 'completed'
            AND o.at BETWEEN began AND coalesce((
              SELECT min(n.at) FROM job_event n WHERE n.type = 'lease.claimed' AND n.at BETWEEN began AND ended
                AND NOT EXISTS (SELECT 1 FROM job_event p
                  WHERE p.job_id = n.job_id AND p.type = 'lease.claimed' AND p.seq < n.seq)), ended))) END) * 1000 AS began
      FROM (SELECT j.public_id, e.type AS ended_by, e.at AS ended,
          lag(e.at) OVER w AS began, lag(e.type) OVER w AS before, e.seq,
          min(e.seq) FILTER (WHERE e.type = 'lease.claimed') OVER (PARTITION BY e.job_id) AS first_claim
        FROM job_event e JOIN job j ON j.id = e.job_id WHERE j.public_id = ANY($1::text[])
        WINDOW w AS (PARTITION BY e.job_id ORDER BY e.seq)) gap
      WHERE seq > first_claim AND ended - began > make_interval(secs => $2)`,
    [ids, LEAST_MS / 1000],
  );
  return rows.map((row) => ({ ...row, began: Number(row.began), ended: Number(row.ended) }));
}

/** Every silence's recovery, longest first. */
export async function recoveries(
  factory: Factory,
  ids: readonly string[],
  outages: readonly Outage[],
): Promise<Recovery[]> {
  const found = await silences(factory, ids);
  return found.map((silence) => recoveryOf(silence, outages)).sort((a, b) => b.ms - a.ms);
}

function recoveryOf({ job, began, ended, before }: Silence, outages: readonly Outage[]): Recovery {
  const inside = outages.filter((outage) => outage.began < ended && outage.ended > began);
  const after = inside.reduce<Outage | null>(
    (last, outage) => (last && last.ended > outage.ended ? last : outage),
    null,
  );
  const from = Math.min(ended, Math.max(began, after?.ended ?? began));
  return { job, before, ended, ms: Math.round(ended - from), after };
}

/**
 * Waits until every job that is being worked on has gone on since `since`, or is settled. That somebody has got it or lost
 * it is no going on: a job of which its engine knows nothing any more goes from worker to worker.
 * @returns milliseconds it took, or the public ids of those that stood still for longer than the limit
 */
export async function untilAllGoOn(
  factory: Factory,
  since: number,
  limitMs: number,
  pause: () => Promise<void>,
): Promise<number | string[]> {
  for (;;) {
    const still = await factory.sql<{ job: string }>(
      `SELECT public_id AS job FROM job j WHERE j.state IN ('running', 'validating', 'approved')
        AND NOT EXISTS (SELECT 1 FROM job_event e WHERE e.job_id = j.id AND e.type NOT LIKE 'lease.%'
          AND e.at > to_timestamp($1::float8 / 1000))`,
      [since],
    );
    if (still.length === 0) return Date.now() - since;
    if (Date.now() - since > limitMs) return still.map(({ job }) => job);
    await pause();
  }
}
