/**
 * Brings a database to the newest migration with `pg` alone, leaving the very table Prisma would leave.
 * Invariants: one migrator at a time (advisory lock), each file as one transaction, never past a failed one.
 */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";

/** The key Prisma's own engine locks with, so that it and we exclude each other. */
const PRISMA_ADVISORY_LOCK = 72707369;

const CREATE_HISTORY = `CREATE TABLE IF NOT EXISTS public._prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`;

/** One migration as it lies on disk. */
export interface Migration {
  name: string;
  sql: string;
  /** SHA-256 of the file, hex. */
  checksum: string;
}

/** Options of {@link migrate}. */
export interface MigrateOptions {
  /** Folder of the migrations; by default the one in this repository. */
  migrationsDir?: string;
  /** Receives warnings, e.g. about an edited file. */
  warn?: (message: string) => void;
}

/** A migration that failed, now or earlier; the database stays at the one before it. */
export class MigrationError extends Error {
  constructor(
    readonly migration: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "MigrationError";
  }
}

/** True both for this file and for the bundle in `dist/`: each lies one folder below the root. */
function defaultMigrationsDir(): string {
  return join(dirname(fileURLToPath(import.meta.url)), "..", "prisma", "migrations");
}

/** All migrations in the order in which they apply. */
export function readMigrations(dir: string = defaultMigrationsDir()): Migration[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(dir, entry.name, "migration.sql")))
    .map((entry) => entry.name)
    .sort()
    .map((name) => {
      const file = readFileSync(join(dir, name, "migration.sql"));
      return { name, sql: file.toString("utf8"), checksum: createHash("sha256").update(file).digest("hex") };
    });
}

/**
 * Applies what is missing.
 * @returns names of the migrations applied by this call
 * @throws MigrationError when one fails or an earlier one failed and was not resolved
 */
export async function migrate(databaseUrl: string, options: MigrateOptions = {}): Promise<string[]> {
  const migrations = readMigrations(options.migrationsDir);
  const client = new pg.Client({ connectionString: databaseUrl, application_name: "fabrica-migrate" });
  client.on("error", () => undefined); // A lost connection already rejects the query that waits for it.
  await client.connect();
  try {
    await client.query("SELECT pg_advisory_lock($1)", [PRISMA_ADVISORY_LOCK]);
    await client.query(CREATE_HISTORY);
    const done = await readHistory(client, migrations, options.warn ?? console.warn);
    const missing = migrations.filter(({ name }) => !done.has(name));
    for (const migration of missing) await apply(client, migration);
    return missing.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** Names that are applied. Refuses a history with an open failure; warns about files edited since. */
async function readHistory(client: pg.Client, migrations: Migration[], warn: (message: string) => void) {
  const { rows } = await client.query<{ migration_name: string; checksum: string; finished_at: Date | null }>(
    `SELECT migration_name, checksum, finished_at FROM public._prisma_migrations
      WHERE rolled_back_at IS NULL ORDER BY started_at`,
  );
  const onDisk = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const row of rows) {
    if (row.finished_at === null) throw openFailure(row.migration_name);
    const file = onDisk.get(row.migration_name);
    if (!file) warn(`Migration ${row.migration_name} is applied, but its file is gone.`);
    else if (file.checksum !== row.checksum) warn(`Migration ${file.name} was edited after it was applied.`);
  }
  return new Set(rows.map((row) => row.migration_name));
}

function openFailure(name: string): MigrationError {
  return new MigrationError(
    name,
    `Migration ${name} failed earlier. Mend the database, then mark it with ` +
      `\`npx prisma migrate resolve --rolled-back ${name}\` and start again.`,
  );
}

/** File and history row together or not at all: whoever is killed in the middle leaves nothing to be mended. */
async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  const id = randomUUID();
  await client.query("BEGIN");
  try {
    await client.query(
      "INSERT INTO public._prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)",
      [id, checksum, name],
    );
    await client.query(sql);
    await client.query(
      "UPDATE public._prisma_migrations SET finished_at = now(), applied_steps_count = 1 WHERE id = $1",
      [id],
    );
    await client.query("COMMIT");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    await noteFailure(client, name, checksum, reason).catch(() => undefined); // A lost connection failed nothing.
    throw new MigrationError(name, `Migration ${name} failed: ${reason}`, { cause });
  }
}

/** Leaves the open row by which Prisma knows a failed migration. */
async function noteFailure(client: pg.Client, name: string, checksum: string, reason: string): Promise<void> {
  await client.query("ROLLBACK");
  await client.query(
    "INSERT INTO public._prisma_migrations (id, checksum, migration_name, logs) VALUES ($1, $2, $3, $4)",
    [randomUUID(), checksum, name, reason],
  );
}
