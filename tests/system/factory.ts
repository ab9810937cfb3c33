/**
 * Starts one whole factory as a person would, in an empty data folder, with its leases scaled down.
 * Invariant: after `stop` nothing of it is left, neither a process nor a file.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { ApiClient } from "@/cli/client/api";
import { type Credentials, readCredentials } from "@/cli/launcher/first-admin";
import { readLock, urlOf } from "@/cli/launcher/postgres-cluster";
import { freePort } from "@/tests/support/listen-apart";
import { childrenOf, isAlive, membersOf } from "./host-processes";

export const ROOT = realpathSync(join(import.meta.dirname, "../.."));
const START_LIMIT_MS = 120_000;
const READY = "Stop with Ctrl-C.";
const KEPT_OUTPUT_CHARS = 40_000;

/** The four processes of a factory. */
export const PARTS = ["postgres", "engine", "app", "runner"] as const;
export type Part = (typeof PARTS)[number];

/** Ten times faster than in real life, so that a lost worker is noticed within seconds. */
const FAST: Record<string, string> = {
  HEARTBEAT_SECONDS: "1",
  LEASE_SECONDS: "5",
  DEAD_SECONDS: "10",
  ENGINE_BACKOFF_SCALE: "0.02",
  RATE_LIMIT_REQUESTS: "1000000",
};

export interface FactoryOptions {
  /** Further settings; they win. */
  env?: Record<string, string>;
  workers?: number;
  /** False leaves leases and backoff as in real life. */
  fast?: boolean;
  /** Ctrl-C does not reach it by itself: whoever started it ends it in order. */
  ownGroup?: boolean;
}

/** A running factory. */
export class Factory {
  /** Signed in as the first admin. */
  client: ApiClient;
  /** The first admin. */
  admin: Credentials = { username: "", password: "" };
  private output = "";

  private launcher: ChildProcess;

  private constructor(
    readonly dataDir: string,
    readonly url: string,
    private readonly launch: () => ChildProcess,
  ) {
    this.client = new ApiClient({ url, token: null, username: null, password: null });
    this.launcher = launch();
  }

  /** Starts it and waits until it serves. @throws with the launcher's words when it does not start */
  static async start({
    env = {},
    workers = 2,
    fast = true,
    ownGroup = false,
  }: FactoryOptions = {}): Promise<Factory> {
    if (!existsSync(join(ROOT, "dist/fabrica.mjs")) || !existsSync(join(ROOT, ".next/BUILD_ID"))) {
      throw new Error("The factory is not built: run `node scripts/build.mjs` first.");
    }
    const dataDir = mkdtempSync(join(tmpdir(), "fabrica-system-"));
    // Postgres and jailed programs run as other users and must be able to walk through.
    chmodSync(dataDir, 0o711);
    const port = await freePort();
    const command = [join(ROOT, "dist/fabrica.mjs"), "up", "--workers", String(workers)];
    const settings = environment(dataDir, port, fast, env);
    const factory = new Factory(dataDir, `http://127.0.0.1:${port}`, () =>
      spawn(process.execPath, command, {
        env: settings,
        stdio: ["ignore", "pipe", "pipe"],
        detached: ownGroup,
      }),
    );
    try {
      await factory.untilReady();
      const credentials = readCredentials(dataDir);
      if (!credentials) throw new Error("The first admin was not created.");
      factory.admin = credentials;
      factory.client = new ApiClient({ url: factory.url, token: null, ...credentials });
      return factory;
    } catch (error) {
      await factory.stop();
      throw error;
    }
  }

  private untilReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (why: string) => reject(new Error(`The factory ${why}:\n${this.output}`));
      const late = setTimeout(() => refuse("did not become ready"), START_LIMIT_MS);
      const read = (chunk: Buffer) => {
        this.output = (this.output + chunk).slice(-KEPT_OUTPUT_CHARS);
        if (!this.output.includes(READY)) return;
        clearTimeout(late);
        resolve();
      };
      this.launcher.stdout?.on("data", read);
      this.launcher.stderr?.on("data", read);
      this.launcher.once("exit", (code) => {
        clearTimeout(late);
        refuse(`ended with ${code}`);
      });
    });
  }

  /** SIGKILL to every process at once, as if the machine had lost its power. */
  async crash(): Promise<void> {
    const gone = once(this.launcher, "exit");
    for (const pid of this.everyPid()) endNow(pid);
    await gone;
  }

  /** Starts it again on the same data after a crash. */
  async startAgain(): Promise<void> {
    this.output = "";
    this.launcher = this.launch();
    await this.untilReady();
  }

  /** The last lines of all its processes, for a test that has to say why it failed. */
  log(chars = 6_000): string {
    return this.output.slice(-chars);
  }

  /** Address of its embedded database. */
  get databaseUrl(): string {
    const folder = join(this.dataDir, "postgres");
    const lock = readLock(folder);
    if (!lock) throw new Error("The database has no lock file just now.");
    return urlOf(folder, lock.port);
  }

  /** Process ids of the present lives; a part between two lives is missing. */
  pids(): Partial<Record<Part, number>> {
    const found: Partial<Record<Part, number>> = {};
    for (const { pid, command } of childrenOf(this.launcher.pid ?? -1)) {
      const part = partOf(command);
      if (part) found[part] = pid;
    }
    const postgres = readLock(join(this.dataDir, "postgres"))?.pid;
    if (postgres !== undefined && isAlive(postgres)) found.postgres = postgres;
    return found;
  }

  /** Every process of it, children of children included. */
  everyPid(): number[] {
    return [this.launcher.pid ?? -1, ...Object.values(this.pids())].flatMap((pid) => [
      pid,
      ...membersOf(pid),
    ]);
  }

  /** Sends a signal to one process, not to its group. @returns whether there was one */
  signal(part: Part, signal: NodeJS.Signals): boolean {
    const pid = this.pids()[part];
    if (pid === undefined) return false;
    try {
      return process.kill(pid, signal);
    } catch {
      return false; // It ended by itself in between.
    }
  }

  /** SIGKILL; the launcher starts it again. @throws when it is not running */
  kill(part: Part): void {
    if (!this.signal(part, "SIGKILL")) throw new Error(`${part} is not running`);
  }

  /** Asks the database, however often it is down meanwhile. */
  async sql<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    for (let left = 100; ; left--) {
      try {
        const client = new pg.Client({ connectionString: this.databaseUrl, connectionTimeoutMillis: 3_000 });
        client.on("error", () => undefined);
        await client.connect();
        try {
          return (await client.query<Row>(text, values)).rows;
        } finally {
          await client.end().catch(() => undefined);
        }
      } catch (error) {
        if (left === 0 || !isPassing(error)) throw error;
        await pause(200);
      }
    }
  }

  /** Ends everything and removes the data folder. @throws when a process is left behind */
  async stop(): Promise<void> {
    const pids = this.everyPid();
    const { launcher } = this;
    if (launcher.exitCode === null && launcher.signalCode === null) {
      const gone = once(launcher, "exit");
      launcher.kill("SIGTERM");
      await gone;
    }
    let left = pids.filter(isAlive);
    for (let tries = 0; left.length > 0 && tries < 50; tries++) {
      await pause(100);
      left = left.filter(isAlive);
    }
    rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    if (left.length > 0) throw new Error(`Left behind: processes ${left.join(", ")}.\n${this.log()}`);
  }
}

function environment(
  dataDir: string,
  port: number,
  fast: boolean,
  more: Record<string, string>,
): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LANG } = process.env;
  const base = { PATH, HOME, TMPDIR, LANG, FABRICA_CACHE_DIR: process.env.FABRICA_CACHE_DIR };
  const given = Object.fromEntries(Object.entries(base).filter(([, value]) => value !== undefined));
  return {
    ...given,
    NODE_ENV: "production",
    DATA_DIR: dataDir,
    PORT: String(port),
    HOST: "127.0.0.1",
    RUNNER_DRIVER: "bubblewrap",
    MAX_WORKERS: "16",
    ...(fast ? FAST : { RATE_LIMIT_REQUESTS: "1000000" }),
    ...more,
  } as NodeJS.ProcessEnv;
}

function endNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It went down together with another one.
  }
}

function partOf(command: string): Part | null {
  if (command.includes("dist/engine.mjs")) return "engine";
  if (command.includes("dist/runner.mjs")) return "runner";
  if (/dist\/app\.mjs|next-server|dist\/bin\/next/.test(command)) return "app";
  return null;
}

/** A database that is down, starting or stopping. */
function isPassing(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return (
    ["ECONNREFUSED", "ECONNRESET", "57P01", "57P02", "57P03"].includes(code ?? "") ||
    /terminated|timeout|no lock file|connection error/.test(message ?? "")
  );
}
