/**
 * Gives each database test a fresh, migrated database on a real PostgreSQL of this test run.
 * Invariant: nothing outlives the run; the cluster ends with the process that started it, even if killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startEmbeddedPostgres, withDatabase } from "@/cli/launcher/embedded-postgres";
import { othersCanReach, systemStateDir } from "@/cli/launcher/reachable";
import { migrate, readMigrations } from "@/prisma/migrate";

/** Where workers ask for the run's cluster; set by the global set-up. */
export const CLUSTER_ADDRESS_VARIABLE = "FABRICA_TEST_CLUSTER";

/** The cluster of a test run. */
export interface TestCluster {
  /** Connection string of a database that no test uses, for CREATE and DROP DATABASE. */
  adminUrl: string;
  /** Name of the migrated template. */
  template: string;
  stop(): Promise<void>;
}

/** A database that belongs to one test. */
export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** Starts a throw-away cluster and migrates its template. */
export async function startTestCluster(): Promise<TestCluster> {
  const folder = temporaryFolder();
  const server = await startEmbeddedPostgres({ dataDir: join(folder, "postgres"), durable: false });
  const guard = guardAgainstSudden(server.pid, folder);
  const stop = async () => {
    await server.stop();
    guard.stdin?.end("stopped\n");
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const checksum = createHash("sha256").update(
      readMigrations()
        .map((file) => file.checksum)
        .join("\n"),
    );
    const template = `template_${checksum.digest("hex").slice(0, 12)}`;
    await runAdmin(server.url, `CREATE DATABASE ${template}`);
    await migrate(withDatabase(server.url, template));
    return { adminUrl: server.url, template, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** As root the postgres user must be able to walk there, which a private TMPDIR forbids. */
function temporaryFolder(): string {
  const base = process.getuid?.() === 0 && !othersCanReach(tmpdir()) ? systemStateDir() : tmpdir();
  mkdirSync(base, { recursive: true });
  const folder = mkdtempSync(join(base, "fabrica-test-postgres-"));
  chmodSync(folder, 0o755);
  return folder;
}

/** A shell that waits on a pipe from us: when we are killed the pipe closes and it ends the server. */
function guardAgainstSudden(pid: number, folder: string): ChildProcess {
  const script = 'read -r _ && exit; kill -QUIT "$1" 2>/dev/null; sleep 1; rm -rf -- "$2"';
  const guard = spawn("sh", ["-c", script, "sh", String(pid), folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return guard;
}

async function runAdmin(adminUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: withDatabase(adminUrl, "postgres") });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** One per process when a test runs without the global set-up, e.g. from Playwright or a benchmark. */
let ownCluster: Promise<TestCluster> | undefined;

async function findCluster(): Promise<Pick<TestCluster, "adminUrl" | "template">> {
  const address = process.env[CLUSTER_ADDRESS_VARIABLE];
  if (!address) {
    ownCluster ??= startTestCluster();
    return ownCluster;
  }
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`The test database could not be prepared: ${await answer.text()}`);
  return (await answer.json()) as TestCluster;
}

/** Clones the migrated template; costs some tens of milliseconds. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { adminUrl, template } = await findCluster();
  const name = `test_${randomBytes(8).toString("hex")}`;
  await runAdmin(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return {
    url: withDatabase(adminUrl, name),
    drop: () => runAdmin(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}
