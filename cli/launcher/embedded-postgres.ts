/**
 * Owns the embedded database: a real PostgreSQL, on loopback, with a password, durable.
 * Invariant: one server per data folder. One that a killed launcher left behind is adopted, not fought.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { LauncherError } from "../launcher-error";
import { freePort } from "./ports";
import { type PostgresPrograms, postgresPrograms } from "./postgres-binaries";
import {
  cleanEnvironment,
  DATABASE,
  lastProblem,
  makeCluster,
  openLog,
  readLock,
  urlOf,
} from "./postgres-cluster";

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;
const RETRY_LIMIT_MS = 10_000;

/** What to start. */
export interface EmbeddedPostgresOptions {
  /** Folder of the cluster; made when missing. As root it must be reachable by the user postgres. */
  dataDir: string;
  /** TCP port on 127.0.0.1; a free one is taken when absent. */
  port?: number;
  /** False only for throw-away clusters of tests: a crash may then lose everything. */
  durable?: boolean;
}

/** A running server. */
export interface EmbeddedPostgres {
  /** Connection string of the database `fabrica`, as its owner. */
  url: string;
  port: number;
  pid: number;
  /** True when the server was already running and was taken over. */
  adopted: boolean;
  /** Resolves when the server has gone, whoever ended it. */
  exited: Promise<void>;
  /** Ends sessions, writes a checkpoint and waits until the server has gone. */
  stop(): Promise<void>;
}

/**
 * Starts the server of `dataDir`, or adopts the one that already serves it, and makes the database.
 * @throws LauncherError when it cannot be started; the sentence carries the last line of Postgres' log.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const programs = postgresPrograms();
  if (!existsSync(join(options.dataDir, "PG_VERSION"))) await makeCluster(options, programs);
  const giveUp = Date.now() + RETRY_LIMIT_MS;
  for (;;) {
    const running = (await adopt(options.dataDir)) ?? (await launch(options, programs));
    if (running) {
      await makeDatabase(running.url);
      return running;
    }
    if (Date.now() > giveUp) throw startFailure(options);
    // Most likely a predecessor that is still shutting down: its lock file goes with it.
    await pause(250);
  }
}

function startFailure(options: EmbeddedPostgresOptions): LauncherError {
  const reason = lastProblem(`${options.dataDir}.log`);
  return new LauncherError(
    `The embedded PostgreSQL did not start${reason ? `: ${reason}` : "."}`,
    `Its log is ${`${options.dataDir}.log`}. You can also set DATABASE_URL to a server of your own.`,
  );
}

/** Takes over a server that answers with our password and our data folder. */
async function adopt(dataDir: string): Promise<EmbeddedPostgres | null> {
  const lock = readLock(dataDir);
  if (!lock || !isAlive(lock.pid)) return null;
  const url = urlOf(dataDir, lock.port);
  const client = new pg.Client({
    connectionString: withDatabase(url, "postgres"),
    connectionTimeoutMillis: 3_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>("SHOW data_directory");
    if (realpathSync(rows[0]?.data_directory ?? "") !== realpathSync(dataDir)) return null;
  } catch {
    // Starting up, shutting down, or somebody else's pid: the caller tries again for a while.
    return null;
  } finally {
    await client.end().catch(() => undefined);
  }
  const exited = watchPid(lock.pid);
  return {
    url,
    port: lock.port,
    pid: lock.pid,
    adopted: true,
    exited,
    stop: () => stopServer(lock.pid, exited),
  };
}

/** Starts a server process; null when it ended before it was ready. */
async function launch(
  options: EmbeddedPostgresOptions,
  programs: PostgresPrograms,
): Promise<EmbeddedPostgres | null> {
  const port = options.port || (await freePort());
  const child = spawnServer(options, programs, port);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const giveUp = Date.now() + START_LIMIT_MS;
  while (child.exitCode === null && child.signalCode === null && child.pid && Date.now() < giveUp) {
    const lock = readLock(options.dataDir);
    if (lock?.pid === child.pid && lock.ready) {
      const url = urlOf(options.dataDir, port);
      return { url, port, pid: child.pid, adopted: false, exited, stop: () => stopServer(child.pid, exited) };
    }
    await Promise.race([pause(20), exited]);
  }
  if (child.pid && child.exitCode === null) child.kill("SIGQUIT");
  return null;
}

function spawnServer(
  options: EmbeddedPostgresOptions,
  programs: PostgresPrograms,
  port: number,
): ChildProcess {
  const settings: Record<string, string | number> = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 100,
    shared_buffers: "48MB",
    huge_pages: "off",
    // One node without replicas: helper processes and extra log would only cost idle memory.
    wal_level: "minimal",
    max_wal_senders: 0,
    io_method: "sync",
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    lc_messages: "C",
    ...(options.durable === false && { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const log = openLog(`${options.dataDir}.log`);
  try {
    // Its own session: Ctrl-C in the terminal must reach the launcher alone, which stops the app first.
    return spawn(programs.postgres, ["-D", options.dataDir, ...args], {
      ...programs.ids,
      cwd: "/",
      env: cleanEnvironment(),
      detached: true,
      stdio: ["ignore", log, log],
    });
  } finally {
    closeSync(log);
  }
}

async function stopServer(pid: number | undefined, exited: Promise<void>): Promise<void> {
  const gone = exited.then(() => true);
  // SIGINT is Postgres' fast shutdown; SIGQUIT leaves recovery to the next start but loses nothing.
  for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
    if (!pid || !signalTo(pid, signal)) return;
    const patience = new AbortController();
    const late = pause(STOP_LIMIT_MS, false, { signal: patience.signal }).catch(() => false);
    const stopped = await Promise.race([gone, late]);
    patience.abort();
    if (stopped) return;
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** An adopted server is nobody's child, so its end can only be looked for. */
async function watchPid(pid: number): Promise<void> {
  while (isAlive(pid)) await pause(200);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The same server and user, another database. */
export function withDatabase(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}

async function makeDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: withDatabase(url, "postgres") });
  // Killed while we are connected: the pending query says so. Without a listener the launcher would go down with it.
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [DATABASE]);
    if (!rowCount) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}
