/**
 * Writes the next migration from prisma/schema.prisma: `npx tsx scripts/migration.ts NAME`.
 * With `--check` it writes nothing and fails when schema and migrations disagree.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { startEmbeddedPostgres, withDatabase } from "../cli/launcher/embedded-postgres";
import { findRoot } from "../cli/launcher/reachable";
import { diffSchema } from "./migration/schema-diff";

const LOCK_TEXT = '# Read by Prisma, which refuses to mix databases.\nprovider = "postgresql"\n';

async function nextMigration(root: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "fabrica-migration-"));
  chmodSync(folder, 0o755);
  const server = await startEmbeddedPostgres({ dataDir: join(folder, "postgres"), durable: false });
  try {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query("CREATE DATABASE shadow");
    await client.end();
    return await diffSchema({
      schemaFile: join(root, "prisma/schema.prisma"),
      migrationsDir: join(root, "prisma/migrations"),
      databaseUrl: server.url,
      shadowUrl: withDatabase(server.url, "shadow"),
    });
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function write(root: string, name: string, sql: string): string {
  const dir = join(root, "prisma/migrations");
  const folder = /^\d{14}_/.test(name) ? name : `${timestamp()}_${name.replace(/\W+/g, "_").toLowerCase()}`;
  const file = join(dir, folder, "migration.sql");
  if (existsSync(file)) throw new Error(`${file} exists already; choose another name.`);
  mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(file, `${sql}\n`);
  if (!existsSync(join(dir, "migration_lock.toml")))
    writeFileSync(join(dir, "migration_lock.toml"), LOCK_TEXT);
  return file;
}

function timestamp(): string {
  return new Date().toISOString().replace(/\D/g, "").slice(0, 14);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { check: { type: "boolean" } },
    allowPositionals: true,
  });
  const [name] = positionals;
  if (!name && !values.check) {
    console.error("Usage: npx tsx scripts/migration.ts NAME | --check");
    return 2;
  }
  const root = findRoot();
  const sql = await nextMigration(root);
  if (!sql) {
    console.log("The migrations lead to prisma/schema.prisma: nothing to do.");
    return 0;
  }
  if (!name) {
    console.error(`prisma/schema.prisma is ahead of its migrations:\n\n${sql}`);
    return 1;
  }
  console.log(`Written: ${write(root, name, sql)}`);
  return 0;
}

process.exit(await main());
