import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";
import { migrate, readMigrations } from "./migrate";

describe("migrate", () => {
  let database: TestDatabase;
  let client: pg.Client;
  let dir: string;
  const warnings: string[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    dir = mkdtempSync(join(tmpdir(), "fabrica-migrations-"));
    warnings.length = 0;
  });

  afterEach(async () => {
    await client.end();
    await database.drop();
    rmSync(dir, { recursive: true, force: true });
  });

  function write(name: string, sql: string): void {
    mkdirSync(join(dir, name), { recursive: true });
    writeFileSync(join(dir, name, "migration.sql"), sql);
  }

  const run = () => migrate(database.url, { migrationsDir: dir, warn: (text) => warnings.push(text) });

  it("applies in order, functions with semicolons included, and only once", async () => {
    write("002_fn", "CREATE FUNCTION two() RETURNS int AS $$ BEGIN RETURN 2; END; $$ LANGUAGE plpgsql;");
    write("001_table", "CREATE TABLE a (n int); INSERT INTO a VALUES (1);");
    expect(await run()).toEqual(["001_table", "002_fn"]);
    expect(await run()).toEqual([]);
    const { rows } = await client.query(
      "SELECT migration_name, checksum, applied_steps_count, logs, rolled_back_at, finished_at IS NULL AS open FROM _prisma_migrations ORDER BY 1",
    );
    expect(rows).toEqual(
      readMigrations(dir).map(({ name, checksum }) => ({
        migration_name: name,
        checksum,
        applied_steps_count: 1,
        logs: null,
        rolled_back_at: null,
        open: false,
      })),
    );
  });

  it("leaves nothing of a failing file and refuses to go on until it is resolved", async () => {
    write("001_half", "CREATE TABLE half (n int); SELECT 1 / 0;");
    write("002_next", "CREATE TABLE next (n int);");
    await expect(run()).rejects.toThrow(/001_half failed: division by zero/);
    await expect(run()).rejects.toThrow(/001_half failed earlier/);
    const { rows } = await client.query("SELECT to_regclass('half') AS half, to_regclass('next') AS next");
    expect(rows).toEqual([{ half: null, next: null }]);

    await client.query("UPDATE _prisma_migrations SET rolled_back_at = now()");
    write("001_half", "CREATE TABLE half (n int);");
    expect(await run()).toEqual(["001_half", "002_next"]);
  });

  it("warns about an edited file and about a lost one", async () => {
    write("001_a", "CREATE TABLE a (n int);");
    write("002_b", "CREATE TABLE b (n int);");
    await run();
    write("001_a", "CREATE TABLE a (n bigint);");
    rmSync(join(dir, "002_b"), { recursive: true });
    expect(await run()).toEqual([]);
    expect(warnings).toEqual([
      "Migration 001_a was edited after it was applied.",
      "Migration 002_b is applied, but its file is gone.",
    ]);
  });

  it("lets many starters race: each file is applied once", async () => {
    write("001_a", "CREATE TABLE a (n int); SELECT pg_sleep(0.05);");
    const applied = await Promise.all(Array.from({ length: 6 }, run));
    expect(applied.flat()).toEqual(["001_a"]);
  });
});
