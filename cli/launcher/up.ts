/**
 * Starts database, engine, app and runner in this order, keeps them running, and stops them in the reverse one.
 * Invariant: when `stop` has returned, or starting has failed, no process of this start is left.
 */
import { statfsSync } from "node:fs";
import { MigrationError, migrate } from "../../prisma/migrate";
import type { LauncherSettings } from "../env";
import { LauncherError } from "../launcher-error";
import { type Database, keepDatabase } from "./database";
import { type Credentials, createFirstAdmin } from "./first-admin";
import { type Lock, takeLock } from "./lock";
import type { LineSink } from "./log-lines";
import { freePort, requirePort } from "./ports";
import { appSpec, engineSpec, isBuilt, type ProcessPlan, runnerSpec } from "./processes";
import { isMoved, type Places, resolvePlaces } from "./reachable";
import { loadSecrets } from "./secrets";
import { type ProcessSpec, type Supervised, supervise } from "./supervise";
import { ensureToolchain } from "./toolchain";

const NEEDED_BYTES = 300_000_000;

/** What to start. */
export interface UpOptions {
  root: string;
  settings: LauncherSettings;
  only?: "app" | "runner";
  workers: number;
  watch: boolean;
  sink: LineSink;
  /** Gives up starting; everything begun so far is ended. */
  signal: AbortSignal;
  /** Told what is going on, in words for people. */
  say: (line: string) => void;
}

/** A running factory. */
export interface Running {
  places: Places;
  /** Address of the app as people type it. */
  url: string;
  /** The first admin, when this start created it. */
  admin: Credentials | null;
  /** Rejects when a process cannot run any more. */
  failed: Promise<never>;
  /** Process ids by name, for the curious and for tests. */
  pids(): Record<string, number | undefined>;
  stop(): Promise<void>;
}

/** Things to undo, last first; running it again continues or waits for the run before. */
class Undo {
  private readonly steps: (() => Promise<void> | void)[] = [];
  private latest: Promise<void> = Promise.resolve();

  add(step: () => Promise<void> | void): void {
    this.steps.push(step);
  }

  run(): Promise<void> {
    this.latest = this.latest.then(async () => {
      for (let step = this.steps.pop(); step; step = this.steps.pop()) await step();
    });
    return this.latest;
  }
}

/** @throws LauncherError with a plain sentence when something needed is missing or does not start */
export async function up(options: UpOptions): Promise<Running> {
  const undo = new Undo();
  const giveUp = () => undo.run();
  options.signal.addEventListener("abort", giveUp, { once: true });
  try {
    const started = options.only === "runner" ? runnerAlone(options, undo) : wholeFactory(options, undo);
    const running = await started;
    options.signal.throwIfAborted();
    return running;
  } catch (error) {
    await undo.run();
    throw error;
  } finally {
    options.signal.removeEventListener("abort", giveUp);
  }
}

async function wholeFactory(options: UpOptions, undo: Undo): Promise<Running> {
  const { settings, root, say } = options;
  const { appUrl, publicUrl } = addresses(settings);
  const places = resolvePlaces(root, settings.dataDir);
  if (isMoved(places)) say(`Other system users may not enter here, so the data lies in ${places.sharedDir}`);
  requireSpace(places.dataDir);
  requireBuild(root, options.watch);
  const lock = hold(takeLock(places.dataDir, appUrl), undo);
  await requirePort(settings.port, settings.host, lock.stale);
  const secrets = loadSecrets(places.dataDir, settings.environment);
  // Installing the toolchain needs nothing of the others, so it does not wait for them, nor they for it.
  const toolchain = options.only === "app" ? null : toolchainOf(options);
  const database = await startDatabase(options, places, undo);
  const plan: ProcessPlan = {
    places,
    secrets,
    databaseUrl: database.url,
    appUrl,
    publicUrl,
    host: settings.host,
    port: settings.port,
    enginePort: settings.externalEngine ? null : await freePort(),
    workers: options.workers,
    environment: settings.environment,
    watch: options.watch,
  };
  const processes = await startServers(plan, options, undo);
  const admin = await createFirstAdmin(appUrl, secrets.setup, places.dataDir);
  if (toolchain) {
    const toolchainDir = await toolchain;
    const spec = runnerSpec({ ...plan, registrationToken: secrets.runner, toolchainDir });
    processes.push(await begin(spec, options, undo));
  }
  say(`Fabrica is ready at ${publicUrl}`);
  return running(places, publicUrl, admin, processes, undo, database);
}

async function runnerAlone(options: UpOptions, undo: Undo): Promise<Running> {
  const { settings, root, say } = options;
  if (!settings.remote) {
    throw new LauncherError(
      "A runner on its own must know the app.",
      "Set FABRICA_URL to the app's address and FABRICA_RUNNER_TOKEN to the value of `runner` in its secrets.json.",
    );
  }
  const places = resolvePlaces(root, settings.dataDir);
  requireSpace(places.dataDir);
  hold(takeLock(places.dataDir, settings.remote.url), undo);
  const spec = runnerSpec({
    places,
    appUrl: settings.remote.url,
    registrationToken: settings.remote.runnerToken,
    workers: options.workers,
    toolchainDir: await toolchainOf(options),
    environment: settings.environment,
    watch: options.watch,
  });
  const processes = [await begin(spec, options, undo)];
  say(`The runner works for ${settings.remote.url} with ${options.workers} workers`);
  return running(places, settings.remote.url, null, processes, undo, null);
}

function hold(lock: Lock, undo: Undo): Lock {
  undo.add(() => lock.release());
  return lock;
}

function toolchainOf(options: UpOptions): Promise<string> {
  const installing = ensureToolchain(options.root, options);
  installing.catch(() => undefined); // Awaited later; until then a failure must not end the process.
  return installing;
}

async function startDatabase(options: UpOptions, places: Places, undo: Undo): Promise<Database> {
  options.signal.throwIfAborted();
  const database = await keepDatabase(options.settings.databaseUrl, places, options.sink);
  undo.add(() => database.stop());
  try {
    const applied = await migrate(database.url, { warn: (line) => options.sink("fabrica", line) });
    if (applied.length > 0) options.sink("fabrica", `database migrated: ${applied.join(", ")}`);
  } catch (cause) {
    throw migrationProblem(cause);
  }
  return database;
}

/** Says in one sentence why the database could not be prepared. */
export function migrationProblem(cause: unknown): LauncherError {
  if (cause instanceof MigrationError) return new LauncherError(cause.message, "", { cause });
  const { message, code } = cause as NodeJS.ErrnoException;
  return new LauncherError(
    `The database could not be prepared: ${message || code}.`,
    "Check DATABASE_URL and whether the server answers.",
    { cause },
  );
}

async function startServers(plan: ProcessPlan, options: UpOptions, undo: Undo): Promise<Supervised[]> {
  const processes: Supervised[] = [];
  // Together: each of the two holds connections to the other open, and would wait for it.
  undo.add(async () => {
    await Promise.all(processes.map((supervised) => supervised.stop()));
  });
  const specs = [appSpec(plan)];
  if (plan.enginePort !== null) specs.unshift(engineSpec({ ...plan, enginePort: plan.enginePort }));
  for (const spec of specs) {
    options.signal.throwIfAborted();
    const supervised = supervise(spec, options.sink);
    processes.push(supervised);
    await supervised.ready();
  }
  return processes;
}

async function begin(spec: ProcessSpec, { sink, signal }: UpOptions, undo: Undo): Promise<Supervised> {
  signal.throwIfAborted();
  const supervised = supervise(spec, sink);
  undo.add(() => supervised.stop());
  await supervised.ready();
  return supervised;
}

function running(
  places: Places,
  url: string,
  admin: Credentials | null,
  processes: Supervised[],
  undo: Undo,
  database: Database | null,
): Running {
  return {
    places,
    url,
    admin,
    failed: Promise.race(processes.map((supervised) => supervised.failed)),
    pids: () => ({
      ...Object.fromEntries(processes.map(({ name, pid }) => [name, pid])),
      postgres: database?.pid() ?? undefined,
    }),
    stop: () => undo.run(),
  };
}

function addresses({ host, port, publicUrl }: LauncherSettings): { appUrl: string; publicUrl: string } {
  const everywhere = host === "0.0.0.0" || host === "::";
  const appUrl = `http://${everywhere ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host}:${port}`;
  return { appUrl, publicUrl: publicUrl ?? appUrl.replace("//127.0.0.1:", "//localhost:") };
}

function requireSpace(dir: string): void {
  const { bavail, bsize } = statfsSync(dir);
  if (bavail * bsize >= NEEDED_BYTES) return;
  throw new LauncherError(
    `The disk is nearly full: ${Math.round((bavail * bsize) / 1e6)} MB are free for ${dir}.`,
    "Free some space, or set DATA_DIR to a folder on another disk.",
  );
}

function requireBuild(root: string, watch: boolean): void {
  if (watch || isBuilt(root, ".next/BUILD_ID")) return;
  throw new LauncherError("The web app is not built.", "Run `npm run setup`.");
}
