/**
 * 100 workers of 10 real runner processes wait at one app: no heartbeat may be missed, and the app may use less than
 * half a core. Run: npx tsx tests/bench/workers.ts [--runners N] [--slots N] [--seconds N]. The build must be fresh.
 * Exit code 1 when a goal is not reached.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Factory, PARTS, ROOT } from "@/tests/system/factory";
import { membersOf, usageOf } from "@/tests/system/host-processes";

const TICKS_PER_SECOND = 100;
const HEARTBEAT_SECONDS = 10;
/** A heartbeat that is this late was missed. */
const LATE_SECONDS = HEARTBEAT_SECONDS * 1.5;
const SAMPLE_MS = 1_000;
const START_LIMIT_MS = 300_000;
const GOAL_CPU = 0.5;

const { values } = parseArgs({
  options: {
    runners: { type: "string", default: "10" },
    slots: { type: "string", default: "10" },
    seconds: { type: "string", default: "60" },
  },
});
const runnerCount = Number(values.runners);
const slots = Number(values.slots);
const seconds = Number(values.seconds);

/** One more runner with the settings of the factory's own. */
function startRunner(factory: Factory, index: number): ChildProcess {
  const environ = readFileSync(`/proc/${factory.pids().runner}/environ`, "utf8").split("\0").filter(Boolean);
  const own = Object.fromEntries(
    environ.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  const { FABRICA_LEASH: _, ...settings } = own;
  return spawn(process.execPath, [join(ROOT, "dist/runner.mjs")], {
    env: {
      ...settings,
      NODE_ENV: "production",
      RUNNER_NAME: `runner ${index}`,
      RUNNER_WORKERS: String(slots),
      RUNNER_STATE_DIR: join(factory.dataDir, `runner-${index}`),
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

interface Ages {
  workers: number;
  dead: number;
  oldest: number;
}

async function ages(factory: Factory): Promise<Ages> {
  const [row] = await factory.sql<Ages>(
    `SELECT count(*)::int AS workers, count(*) FILTER (WHERE status = 'dead')::int AS dead,
      coalesce(max(extract(epoch FROM now() - heartbeat_at)), 0)::float8 AS oldest FROM worker`,
  );
  if (!row) throw new Error("An aggregate gave no row.");
  return row;
}

async function untilAllWait(factory: Factory): Promise<void> {
  for (const giveUp = Date.now() + START_LIMIT_MS; ; await pause(500)) {
    const { workers } = await ages(factory);
    if (workers === runnerCount * slots) return;
    if (Date.now() > giveUp) throw new Error(`Only ${workers} workers registered.\n${factory.log()}`);
  }
}

const ticksOf = (factory: Factory) => {
  const pids = factory.pids();
  return PARTS.map((part) => {
    const pid = pids[part];
    return pid === undefined ? 0 : usageOf([pid, ...membersOf(pid)]).cpuTicks;
  });
};

async function measure(factory: Factory): Promise<boolean> {
  // The first heartbeats come one interval after the registration.
  await pause(HEARTBEAT_SECONDS * 1_000);
  const before = ticksOf(factory);
  const [commitsBefore] = await commits(factory);
  const began = performance.now();
  const oldest: number[] = [];
  let dead = 0;
  while (performance.now() - began < seconds * 1_000) {
    await pause(SAMPLE_MS);
    const now = await ages(factory);
    oldest.push(now.oldest);
    dead = Math.max(dead, now.dead);
  }
  const elapsed = (performance.now() - began) / 1_000;
  const [commitsAfter] = await commits(factory);
  const cores = ticksOf(factory).map((ticks, n) => (ticks - (before[n] ?? 0)) / TICKS_PER_SECOND / elapsed);
  const sorted = [...oldest].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
  const late = oldest.filter((age) => age > LATE_SECONDS).length;
  console.log(`oldest heartbeat, s: min ${at(0)}, median ${at(0.5)}, max ${at(1)} of ${oldest.length} looks`);
  console.log(`looks with a missed heartbeat (> ${LATE_SECONDS} s): ${late}; dead workers: ${dead}`);
  for (const [n, part] of PARTS.entries())
    console.log(`${part.padEnd(9)} ${((cores[n] ?? 0) * 100).toFixed(1)} % of one core`);
  // The looks of this program are transactions, too: one a second.
  const rate = (Number(commitsAfter?.n) - Number(commitsBefore?.n)) / elapsed - 1;
  console.log(`transactions: ${rate.toFixed(1)} a second`);
  const app = cores[PARTS.indexOf("app")] ?? 1;
  return late === 0 && dead === 0 && app < GOAL_CPU;
}

const commits = (factory: Factory) =>
  factory.sql<{ n: string }>(
    "SELECT xact_commit + xact_rollback AS n FROM pg_stat_database WHERE datname = current_database()",
  );

async function main(): Promise<void> {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], {
    cwd: ROOT,
    encoding: "utf8",
  }).trim();
  console.log(`${new Date().toISOString()} commit ${commit}, ${cpus().length} x ${cpus()[0]?.model.trim()},`);
  console.log(`${(totalmem() / 2 ** 30).toFixed(0)} GB, load ${loadavg().map((n) => n.toFixed(2))}`);
  console.log(`${runnerCount} runner processes with ${slots} workers each, ${seconds} s`);
  const factory = await Factory.start({ workers: slots, fast: false });
  const runners: ChildProcess[] = [];
  try {
    for (let index = 1; index < runnerCount; index++) runners.push(startRunner(factory, index));
    await untilAllWait(factory);
    process.exitCode = (await measure(factory)) ? 0 : 1;
  } finally {
    const gone = runners.filter((one) => one.exitCode === null).map((one) => once(one, "exit"));
    for (const runner of runners) runner.kill("SIGTERM");
    await Promise.all(gone);
    await factory.stop();
  }
}

await main();
