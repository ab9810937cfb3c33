/**
 * Measures a whole simulated job and the factory at rest, against the goals of the specification.
 * Run: npx tsx tests/bench/job.ts [--driver bubblewrap|docker] [--request demo|small] [--runs N] [--events]
 * `demo` is the request of `npm run demo`, `small` has one task and no planner. `--events` prints the log of the median run with the time since the line before. The build must be fresh.
 */
import { execFileSync } from "node:child_process";
import { cpus, loadavg, totalmem } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { followEvents } from "@/cli/client/event-stream";
import { demoRequest } from "@/cli/demo/demo-request";
import type { JobEvent } from "@/server/domain/events";
import { isSettled } from "@/server/domain/job-state";
import { startDocker } from "@/tests/support/docker";
import { Factory, PARTS, ROOT } from "@/tests/system/factory";
import { membersOf, usageOf } from "@/tests/system/host-processes";
import { simulated, submit } from "@/tests/system/jobs";

const TICKS_PER_SECOND = 100;
const IDLE_SECONDS = 30;
const SETTLE_MS = 5_000;
const MEBIBYTE = 1024 * 1024;

const { values } = parseArgs({
  options: {
    driver: { type: "string", default: "bubblewrap" },
    request: { type: "string", default: "demo" },
    runs: { type: "string", default: "7" },
    events: { type: "boolean", default: false },
  },
});
const driver = values.driver;
/** The fields that replace those of the small request. */
const request = values.request === "demo" ? { ...demoRequest(undefined, "node"), spec: undefined } : {};

interface Seen {
  event: JobEvent;
  /** When the client had it, in milliseconds since the epoch: the same clock as the database's. */
  arrived: number;
}

interface Run {
  id: string;
  seen: Seen[];
  firstStepMs: number;
  totalMs: number;
  /** Time in the sandbox by what ran there. */
  programsMs: number;
  commitsMs: number;
  freshMs: number;
}

async function runJob(factory: Factory): Promise<Run> {
  const began = Date.now();
  const id = await submit(factory, { ...request, models: simulated("sim-1") });
  const over = new AbortController();
  const seen: Seen[] = [];
  for await (const { data } of followEvents(factory.client, `/api/v1/jobs/${id}/events`, over.signal)) {
    const event = data as JobEvent;
    seen.push({ event, arrived: Date.now() });
    if (event.type !== "job.moved" || !isSettled(event.data.to)) continue;
    if (event.data.to !== "completed") throw new Error(`${id} is ${event.data.to}: ${event.data.reason}`);
    over.abort();
  }
  const firstStep = seen.find(({ event }) => event.type === "job.step");
  return {
    id,
    seen,
    firstStepMs: (firstStep?.arrived ?? Number.NaN) - began,
    totalMs: (seen.at(-1)?.arrived ?? Number.NaN) - began,
    ...timesOf(seen),
  };
}

function timesOf(seen: readonly Seen[]): Pick<Run, "programsMs" | "commitsMs" | "freshMs"> {
  const titles = new Map<string, string>();
  const times = { programsMs: 0, commitsMs: 0, freshMs: 0 };
  for (const { event } of seen) {
    if (event.type === "command.started") titles.set(event.data.command_id, event.data.title);
    if (event.type !== "command.finished") continue;
    const title = titles.get(event.data.command_id) ?? "";
    const kind = title.startsWith("commit: ")
      ? "commitsMs"
      : title === "fresh sandbox"
        ? "freshMs"
        : "programsMs";
    times[kind] += event.data.duration_ms;
  }
  return times;
}

function quantile(numbers: readonly number[], q: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

const print = (line: string) => process.stdout.write(`${line}\n`);

function show(what: string, numbers: readonly number[], unit: string, goal: string, digits = 0): void {
  const cells = [0, 0.5, 0.95, 1].map((q) => quantile(numbers, q).toFixed(digits).padStart(8));
  print(`${what.padEnd(42)}${cells.join("")} ${unit.padEnd(3)} ${goal}`);
}

async function idle(factory: Factory): Promise<void> {
  await pause(SETTLE_MS);
  const pids = Object.entries(factory.pids()).map(([part, pid]) => [part, [pid, ...membersOf(pid)]] as const);
  // One by one: a process that ends meanwhile would take its past time out of a sum.
  const before = new Map(pids.flatMap(([, list]) => list.map((pid) => [pid, usageOf([pid]).cpuTicks])));
  await pause(IDLE_SECONDS * 1000);
  const total = { cpu: 0, rss: 0, pss: 0 };
  print(`\nAt rest for ${IDLE_SECONDS} s            CPU %   PSS MB   RSS MB`);
  for (const [part, list] of pids) {
    const after = usageOf(list);
    const ticks = list
      .map((pid) => usageOf([pid]).cpuTicks - (before.get(pid) ?? 0))
      .reduce((sum, used) => sum + Math.max(0, used), 0);
    const cpu = (ticks / TICKS_PER_SECOND / IDLE_SECONDS) * 100;
    total.cpu += cpu;
    total.rss += after.rss;
    total.pss += after.pss;
    line(part, cpu, after.pss, after.rss);
  }
  line("together", total.cpu, total.pss, total.rss);
  print(`goals: at most 600 MB, below 2 % CPU; ${PARTS.length} processes with their children`);
}

function line(part: string, cpu: number, pss: number, rss: number): void {
  const megabytes = (bytes: number) => (bytes / MEBIBYTE).toFixed(0).padStart(9);
  print(`${part.padEnd(26)}${cpu.toFixed(2).padStart(8)}${megabytes(pss)}${megabytes(rss)}`);
}

function commitOf(): string {
  try {
    const args = ["-C", ROOT, "rev-parse", "--short", "HEAD"];
    return execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown"; // Not a clone.
  }
}

function facts(): void {
  const model = cpus()[0]?.model ?? "unknown";
  const memory = (totalmem() / 1024 ** 3).toFixed(0);
  const load = loadavg()[0]?.toFixed(2);
  print(
    `commit ${commitOf()}; ${cpus().length} × ${model}; ${memory} GB; Node ${process.version}; load ${load}; ${driver}; ${values.request}`,
  );
}

function showEvents({ seen }: Run): void {
  let last = Date.parse(seen[0]?.event.at ?? "");
  for (const { event } of seen) {
    const at = Date.parse(event.at);
    print(`${String(at - last).padStart(6)} ms ${event.type} ${JSON.stringify(event.data).slice(0, 120)}`);
    last = at;
  }
}

async function main(): Promise<void> {
  facts();
  const docker = driver === "docker" && !process.env.DOCKER_HOST ? await startDocker() : null;
  const env: Record<string, string> = { RUNNER_DRIVER: driver };
  const host = docker?.host ?? process.env.DOCKER_HOST;
  if (driver === "docker" && host) env.DOCKER_HOST = host;
  const factory = await Factory.start({ fast: false, env });
  try {
    await runJob(factory); // Warms up: code is compiled, connections are made.
    const runs: Run[] = [];
    for (let n = Number(values.runs); n > 0; n--) runs.push(await runJob(factory));
    const goal = driver === "docker" ? 8 : 6;
    const own = (run: Run) => run.totalMs - run.programsMs - run.commitsMs - run.freshMs;
    print(`\n${runs.length} runs${" ".repeat(40)}min  median     p95     max`);
    show(
      "submit → first step shown",
      runs.map((run) => run.firstStepMs),
      "ms",
      "goal 300",
    );
    show(
      "whole job",
      runs.map((run) => run.totalMs / 1000),
      "s",
      `goal ${goal}`,
      2,
    );
    show(
      "  programs in the sandbox",
      runs.map((run) => run.programsMs / 1000),
      "s",
      "",
      2,
    );
    show(
      "  commits (git in the sandbox, import)",
      runs.map((run) => run.commitsMs / 1000),
      "s",
      "",
      2,
    );
    show(
      "  fresh sandbox of the validation",
      runs.map((run) => run.freshMs / 1000),
      "s",
      "",
      2,
    );
    show(
      "  the factory's own share",
      runs.map((run) => own(run) / 1000),
      "s",
      "goal 1",
      2,
    );
    const delays = runs.flatMap((run) =>
      run.seen.map(({ event, arrived }) => arrived - Date.parse(event.at)),
    );
    show(`written → shown (${delays.length} events)`, delays, "ms", "goal 150 (p95)");
    print(`raw totals, ms: ${runs.map((run) => run.totalMs).join(" ")}`);
    print(`raw own shares, ms: ${runs.map((run) => Math.round(own(run))).join(" ")}`);
    const ordered = [...runs].sort((a, b) => a.totalMs - b.totalMs);
    if (values.events) showEvents(ordered[Math.floor(ordered.length / 2)] as Run);
    await idle(factory);
  } finally {
    await factory.stop();
    await docker?.stop();
  }
}

await main();
process.exit(0);
