import pg from "pg";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";
import { sweepOld } from "./retention";
import { createUlid } from "./ulid";

const DAY_MS = 24 * 60 * 60 * 1000;
const NOW = Date.now();
const CUTOFF = NOW - 7 * DAY_MS;

let database: TestDatabase;
let pool: pg.Pool;

beforeEach(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url });
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

/** A run of an event of the same age, with two steps. `endedDaysAgo` of null means that it still runs. */
async function addRun(name: string, daysAgo: number, endedDaysAgo: number | null): Promise<void> {
  const at = NOW - daysAgo * DAY_MS;
  const [event, run] = [createUlid(at), createUlid(at)];
  const ended = endedDaysAgo === null ? null : NOW - endedDaysAgo * DAY_MS;
  await pool.query("INSERT INTO engine.event (id, name, body, received_at) VALUES ($1, $2, '{}', $3)", [
    event,
    name,
    at,
  ]);
  await pool.query(
    "INSERT INTO engine.run (id, function_id, event_id, status, created_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6)",
    [run, name, event, ended === null ? "running" : "completed", at, ended],
  );
  await pool.query(
    "INSERT INTO engine.step (run_id, id, seq, result, recorded_at) VALUES ($1, 'a', 0, '{}', $2), ($1, 'b', 1, '{}', $2)",
    [run, at],
  );
}

async function names(table: string, column: string): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT DISTINCT ${column} AS name FROM engine.${table} ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

it("removes what ended long ago, and nothing that is needed", async () => {
  await addRun("old", 9, 8);
  await addRun("old but just ended", 30, 6);
  await addRun("old and running", 30, null);
  await addRun("new", 1, 1);
  await pool.query("INSERT INTO engine.event (id, name, body, received_at) VALUES ($1, 'unheard', '{}', 0)", [
    createUlid(CUTOFF - 1),
  ]);
  await pool.query("INSERT INTO engine.once VALUES ('over', $1), ('holds', $2)", [NOW, NOW + 1]);

  const swept = await sweepOld(pool, CUTOFF, NOW, async () => true);
  expect(swept).toEqual({ runs: 1, events: 2, keys: 1 });
  const kept = ["new", "old and running", "old but just ended"];
  expect(await names("run", "function_id")).toEqual(kept);
  expect(await names("event", "name")).toEqual(kept);
  expect((await pool.query("SELECT 1 FROM engine.step")).rowCount).toBe(6);
  expect(await names("once", "key")).toEqual(["holds"]);

  expect(await sweepOld(pool, CUTOFF, NOW, async () => true)).toEqual({ runs: 0, events: 0, keys: 0 });
});

it("goes through many in batches, past those that stay, and stops when told", async () => {
  await addRun("old and running", 60, null);
  await pool.query(
    `INSERT INTO engine.run (id, function_id, event_id, status, created_at, ended_at)
     SELECT $1 || lpad(n::text, 10, '0'), 'many', 'none', 'completed', 0, 1 FROM generate_series(1, 1700) n`,
    [createUlid(NOW - 50 * DAY_MS).slice(0, 16)],
  );
  let pauses = 0;
  const first = await sweepOld(pool, CUTOFF, NOW, async () => ++pauses < 2);
  expect(first.runs).toBe(999);
  const rest = await sweepOld(pool, CUTOFF, NOW, async () => true);
  expect(rest.runs).toBe(701);
  expect(await names("run", "function_id")).toEqual(["old and running"]);
});
