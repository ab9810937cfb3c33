/**
 * Removes what is old: finished runs with their steps, events that no run needs, idempotency keys that hold no more.
 * Small batches, each one statement, so that it may be broken off anywhere and never holds up the journal.
 */

import type pg from "pg";
import type { Logger } from "pino";
import type { Engine } from "./engine-state";
import { firstUlid } from "./ulid";

const DAY_MS = 24 * 60 * 60 * 1000;
const BATCH = 500;
const EVERY_MS = 60 * 60 * 1000;
const FIRST_MS = 60 * 1000;
/** Between two batches the database belongs to others. */
const BREATH_MS = 50;

/** What a sweep removed. */
export interface Swept {
  runs: number;
  events: number;
  keys: number;
}

/** Ids hold their time, so the walk along the primary key needs no index of its own. */
const RUNS = `
  WITH old AS (SELECT id, ended_at FROM engine.run WHERE id > $1 AND id < $2 ORDER BY id LIMIT ${BATCH}),
       gone AS (SELECT id FROM old WHERE ended_at < $3),
       steps AS (DELETE FROM engine.step WHERE run_id IN (SELECT id FROM gone)),
       runs AS (DELETE FROM engine.run WHERE id IN (SELECT id FROM gone) RETURNING id)
  SELECT (SELECT max(id) FROM old) AS last, (SELECT count(*) FROM old)::int AS seen,
         (SELECT count(*) FROM runs)::int AS removed`;

const EVENTS = `
  WITH old AS (SELECT id FROM engine.event WHERE id > $1 AND id < $2 ORDER BY id LIMIT ${BATCH}),
       events AS (DELETE FROM engine.event e WHERE id IN (SELECT id FROM old)
                  AND NOT EXISTS (SELECT 1 FROM engine.run r WHERE r.event_id = e.id) RETURNING id)
  SELECT (SELECT max(id) FROM old) AS last, (SELECT count(*) FROM old)::int AS seen,
         (SELECT count(*) FROM events)::int AS removed`;

/**
 * Removes everything that ended, or came, before a time.
 * @param pause waits between two batches; false stops the sweep
 */
export async function sweepOld(
  reader: pg.Pool,
  beforeMs: number,
  nowMs: number,
  pause: () => Promise<boolean>,
): Promise<Swept> {
  const walk = async (statement: string, ...rest: unknown[]): Promise<number> => {
    let removed = 0;
    for (let after = ""; ; ) {
      const { rows } = await reader.query<{ last: string | null; seen: number; removed: number }>(statement, [
        after,
        firstUlid(beforeMs),
        ...rest,
      ]);
      const batch = rows[0]!;
      removed += batch.removed;
      if (batch.seen < BATCH || batch.last === null || !(await pause())) return removed;
      after = batch.last;
    }
  };
  const runs = await walk(RUNS, beforeMs);
  const events = await walk(EVENTS);
  const keys = await reader.query("DELETE FROM engine.once WHERE expires_at <= $1", [nowMs]);
  return { runs, events, keys: keys.rowCount ?? 0 };
}

/** Sweeps now and then while the engine runs. */
export class Retention {
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly engine: Engine,
    private readonly reader: pg.Pool,
    private readonly days: number,
  ) {}

  /** Starts sweeping. Keeping rows for 0 days means for ever; then only keys that hold no more are removed. */
  start(): void {
    this.arm(FIRST_MS);
  }

  private arm(ms: number): void {
    if (this.closed) return;
    this.timer = setTimeout(() => void this.sweep(), ms);
    this.timer.unref();
  }

  private async sweep(): Promise<void> {
    const { engine, reader, days } = this;
    const now = engine.now();
    for (const [key, expiresAt] of engine.once) if (expiresAt <= now) engine.once.delete(key);
    try {
      const before = days > 0 ? now - days * DAY_MS : 0;
      const swept = await sweepOld(reader, before, now, () => this.breathe());
      report(engine.log, swept);
    } catch (error) {
      engine.log.warn({ err: error }, "old rows could not be removed; it is tried again");
    }
    this.arm(EVERY_MS);
  }

  private breathe(): Promise<boolean> {
    return new Promise((resolve) => setTimeout(() => resolve(!this.closed), BREATH_MS).unref());
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }
}

function report(log: Logger, swept: Swept): void {
  if (swept.runs || swept.events || swept.keys) log.info(swept, "old rows removed");
}
