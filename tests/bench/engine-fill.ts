/**
 * Fills the engine's tables as weeks of work would, in a few statements.
 */
import { createHash } from "node:crypto";
import type pg from "pg";

const BATCH = 100_000;

/** Adds finished runs of the function "line", each with its event and two steps, until there are `count` of them. */
export async function fillFinished(client: pg.Client, count: number): Promise<void> {
  const { rows } = await client.query<{ have: number }>("SELECT count(*)::int AS have FROM engine.run");
  for (let from = rows[0]!.have; from < count; from += BATCH) {
    // Ids that sort before all new ones, in an order like that of time.
    await client.query(
      `WITH n AS (SELECT lpad(n::text, 26, '0') AS id, n FROM generate_series($1::int, $2::int) n),
            e AS (INSERT INTO engine.event (id, dedupe, name, body, received_at)
                  SELECT id, 'id:' || md5(id), 'line',
                         '{"data":{"key":"' || id || '","steps":2},"id":"' || id || '","name":"line","ts":1}', 1000 + n
                  FROM n ON CONFLICT DO NOTHING),
            s AS (INSERT INTO engine.step (run_id, id, seq, name, result, recorded_at)
                  SELECT n.id, md5(n.id || s), s, 's' || s, '{"data":"' || md5(n.id) || '"}', 1000 + n
                  FROM n, generate_series(0, 1) s ON CONFLICT DO NOTHING)
       INSERT INTO engine.run (id, function_id, event_id, status, output, created_at, ended_at)
       SELECT id, 'bench-line', id, 'completed', 'null', 1000 + n, 1000 + n FROM n ON CONFLICT DO NOTHING`,
      [from, Math.min(count, from + BATCH) - 1],
    );
  }
  await client.query("VACUUM ANALYZE engine.event");
  await client.query("VACUUM ANALYZE engine.run");
  await client.query("VACUUM ANALYZE engine.step");
  await client.query("CHECKPOINT");
}

/**
 * Adds runs of the function "waits" that wait for an event, each with one settled step.
 * @returns the id of one of them, which is also the key that its event must carry
 */
export async function fillWaiting(client: pg.Client, count: number): Promise<string> {
  const id = `lpad(n::text, 20, '0') || 'W'`;
  await client.query(
    `WITH n AS (SELECT ${id} AS id, n FROM generate_series(1, $1::int) n),
          e AS (INSERT INTO engine.event (id, name, body, received_at)
                SELECT id, 'waits', '{"data":{"key":"' || id || '"},"id":"' || id || '","name":"waits","ts":1}', n FROM n),
          s AS (INSERT INTO engine.step (run_id, id, seq, name, result, recorded_at)
                SELECT id, md5(id), 0, 'first', '{"data":"' || md5(id) || '"}', n FROM n),
          w AS (INSERT INTO engine.work (run_id, key, kind, due_at, name, event_name, condition)
                SELECT id, $3, 'wait', $2::bigint + n, 'go', 'go',
                       '{"op":"compare","comparator":"==","left":{"root":"async","path":["data","key"]},' ||
                       '"right":{"value":"' || id || '"}}'
                FROM n)
     INSERT INTO engine.run (id, function_id, event_id, status, created_at)
     SELECT id, 'bench-waits', id, 'running', n FROM n`,
    [count, Date.now() + 7 * 24 * 60 * 60 * 1000, createHash("sha1").update("go").digest("hex")],
  );
  await client.query("ANALYZE engine.run");
  const { rows } = await client.query<{ id: string }>(
    `SELECT ${id} AS id FROM generate_series($1::int, $1::int) n`,
    [count >> 1],
  );
  return rows[0]!.id;
}
