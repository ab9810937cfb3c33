/**
 * The commands that run Fabrica on this machine: up, demo, dev, migrate, init-db, setup.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { migrate } from "../../prisma/migrate";
import { runDemo } from "../demo/run-demo";
import { type LauncherSettings, readClientSettings, readLauncherSettings } from "../env";
import { clusterFolder } from "../launcher/database";
import { startEmbeddedPostgres } from "../launcher/embedded-postgres";
import { findHolder } from "../launcher/lock";
import { fileSink, type LineSink, terminalSink } from "../launcher/log-lines";
import { resolvePlaces } from "../launcher/reachable";
import { onStopSignal } from "../launcher/signals";
import { ensureToolchain } from "../launcher/toolchain";
import { migrationProblem, type Running, up } from "../launcher/up";
import { LauncherError } from "../launcher-error";
import { seed } from "./seed";

const STACKS = ["node", "python"];
const EXIT_INTERRUPTED = 130;

function workersOf(given: string | undefined, settings: LauncherSettings): number {
  if (given === undefined) return Math.min(settings.workers, settings.maxWorkers);
  const workers = Number(given);
  if (Number.isInteger(workers) && workers >= 1 && workers <= settings.maxWorkers) return workers;
  throw new LauncherError(
    `--workers must be a whole number from 1 to ${settings.maxWorkers}.`,
    "MAX_WORKERS sets the highest number.",
  );
}

function onlyOf(given: string | undefined): "app" | "runner" | undefined {
  if (given === undefined || given === "app" || given === "runner") return given;
  throw new LauncherError(`--only takes app or runner, not ${given}.`, "Leave it out to start everything.");
}

const say = (line: string) => console.log(line);

function tellAdmin(running: Running): void {
  if (!running.admin) return;
  const { username, password } = running.admin;
  say(
    `\nThe first admin was created. This is shown only once:\n  user      ${username}\n  password  ${password}\n`,
  );
}

/** Stays until a signal or a process that cannot run any more; always stops everything. */
async function serve(running: Running, stopped: Promise<string>): Promise<number> {
  try {
    await Promise.race([stopped, running.failed]);
    return 0;
  } finally {
    await running.stop();
  }
}

/** `fabrica up [--workers N] [--only app|runner]`, and `fabrica dev`, which reloads on every change. */
export async function upCommand(root: string, args: string[], watch = false): Promise<number> {
  const { values } = parseArgs({ args, options: { workers: { type: "string" }, only: { type: "string" } } });
  const settings = readLauncherSettings();
  const stop = onStopSignal();
  const running = await up({
    root,
    settings,
    only: onlyOf(values.only),
    workers: workersOf(values.workers, settings),
    watch,
    sink: terminalSink(),
    signal: stop.signal,
    say,
  });
  tellAdmin(running);
  say("Stop with Ctrl-C.");
  return serve(running, stop.stopped);
}

/** `fabrica demo ["what to build"] [--stack node|python] [--exit]` */
export async function demoCommand(root: string, args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { stack: { type: "string" }, exit: { type: "boolean" }, workers: { type: "string" } },
  });
  const stack = values.stack ?? "node";
  if (!STACKS.includes(stack))
    throw new LauncherError(`--stack takes ${STACKS.join(" or ")}, not ${stack}.`, "");
  const settings = readLauncherSettings();
  const stop = onStopSignal();
  const running = await findOrStart(root, settings, workersOf(values.workers, settings), stop.signal);
  tellAdmin(running);
  const job = { url: running.url, dataDir: running.places.dataDir, client: readClientSettings() };
  try {
    const work = runDemo({
      ...job,
      text: positionals.join(" "),
      stack,
      signal: stop.signal,
      out: process.stdout,
    });
    const completed = await Promise.race([work, running.failed, stop.stopped]);
    if (stop.signal.aborted) return EXIT_INTERRUPTED;
    if (values.exit) return completed ? 0 : 1;
    say("\nFabrica keeps running; stop it with Ctrl-C.");
    await Promise.race([stop.stopped, running.failed]);
    return 0;
  } finally {
    await running.stop();
  }
}

/** A factory that runs already with this data folder is used as it is, and left running. */
async function findOrStart(
  root: string,
  settings: LauncherSettings,
  workers: number,
  signal: AbortSignal,
): Promise<Running> {
  const places = resolvePlaces(root, settings.dataDir);
  const holder = findHolder(places.dataDir);
  if (holder) {
    say(`Using the Fabrica that already runs at ${holder.url}.`);
    const never = new Promise<never>(() => undefined);
    return {
      places,
      url: holder.url,
      admin: null,
      failed: never,
      pids: () => ({}),
      stop: async () => undefined,
    };
  }
  const logs = join(places.dataDir, "logs");
  say(`Starting Fabrica (logs in ${logs}) …`);
  return up({ root, settings, workers, watch: false, sink: fileSink(logs), signal, say });
}

/** `fabrica migrate`: brings the database to the newest migration. */
export async function migrateCommand(root: string): Promise<number> {
  const settings = readLauncherSettings();
  const places = resolvePlaces(root, settings.dataDir);
  const server = settings.databaseUrl
    ? null
    : await startEmbeddedPostgres({ dataDir: clusterFolder(places) });
  try {
    const applied = await migrate(settings.databaseUrl ?? server?.url ?? "").catch((cause: unknown) => {
      throw migrationProblem(cause);
    });
    say(applied.length > 0 ? `Applied: ${applied.join(", ")}` : "The database is up to date.");
    return 0;
  } finally {
    // One that was running before belongs to somebody.
    if (server && !server.adopted) await server.stop();
  }
}

/** `fabrica init-db [--seed]`: migrations and the first admin; with --seed also some example jobs. */
export async function initDbCommand(root: string, args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { seed: { type: "boolean" } } });
  const settings = readLauncherSettings();
  const stop = onStopSignal();
  const places = resolvePlaces(root, settings.dataDir);
  const sink: LineSink = fileSink(join(places.dataDir, "logs"));
  const running = await up({
    root,
    settings,
    only: "app",
    workers: 1,
    watch: false,
    sink,
    signal: stop.signal,
    say,
  });
  try {
    tellAdmin(running);
    if (values.seed)
      await seed({ url: running.url, dataDir: places.dataDir, client: readClientSettings(), say });
    return 0;
  } finally {
    await running.stop();
  }
}

/** `fabrica setup`: everything the first start would have to make; prints the toolchain folder last. */
export async function setupCommand(root: string): Promise<number> {
  const places = resolvePlaces(root, readLauncherSettings().dataDir);
  const toolchain = await ensureToolchain(root, { say });
  say(`Data folder: ${places.dataDir}`);
  say(`Toolchain: ${toolchain}`);
  return 0;
}
