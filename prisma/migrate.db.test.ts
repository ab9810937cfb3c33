import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";
import { migrate } from "./migrate";

let database: TestDatabase;
let migrationsDir: string;
let client: pg.Client;

beforeEach(async () => {
  database = await createTestDatabase();
  migrationsDir = mkdtempSync(join(tmpdir(), "fabrica-migrations-"));
  client = new pg.Client({ connectionString: database.url });
  client.on("error", () => undefined);
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await database.drop();
  rmSync(migrationsDir, { recursive: true });
});

function add(name: string, sql: string): void {
  mkdirSync(join(migrationsDir, name), { recursive: true });
  writeFileSync(join(migrationsDir, name, "migration.sql"), sql);
}
const run = () => migrate(database.url, { migrationsDir, warn: () => undefined });
const rowsOf = async (name: string) =>
  (
    await client.query(
      "SELECT finished_at IS NOT NULL AS done, logs FROM _prisma_migrations WHERE migration_name = $1",
      [name],
    )
  ).rows;

test("one that was cut off in the middle is applied whole by the next start", async () => {
  await client.query("CREATE TABLE slow (); INSERT INTO slow DEFAULT VALUES");
  add(
    "9_slow",
    "CREATE TABLE fresh (id int); SELECT pg_sleep(CASE WHEN EXISTS (SELECT FROM slow) THEN 60 ELSE 0 END);",
  );
  const cut = run().catch((error: Error) => error.message);
  const sleeping =
    "query LIKE '%pg_sleep(CASE%' AND pid <> pg_backend_pid() AND datname = current_database()";
  await expect
    .poll(
      async () =>
        (await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${sleeping}`))
          .rowCount,
    )
    .toBe(1);
  expect(await cut).toContain("9_slow failed");
  await client.query("DELETE FROM slow");
  expect(await run()).toEqual(["9_slow"]);
  expect(await rowsOf("9_slow")).toEqual([{ done: true, logs: null }]);
  expect(await run()).toEqual([]);
});

test("one that is wrong is noted, leaves nothing behind and is not passed", async () => {
  add("9_wrong", "CREATE TABLE half (id int); SELECT nonsense;");
  add("9_xlater", "CREATE TABLE later (id int);");
  await expect(run()).rejects.toThrow(/9_wrong failed: .*nonsense/);
  expect(await rowsOf("9_wrong")).toEqual([{ done: false, logs: expect.stringContaining("nonsense") }]);
  await expect(run()).rejects.toThrow(/9_wrong failed earlier/);
  const { rows } = await client.query("SELECT to_regclass('half') AS half, to_regclass('later') AS later");
  expect(rows).toEqual([{ half: null, later: null }]);
});
