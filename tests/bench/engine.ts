/**
 * The embedded engine in figures: gaps between steps, event → first step, steps per second, tables with a million
 * finished runs, rest, restart with waiting runs. Processor times are given beside, because a busy machine stretches
 * times but not those. Goals are those of the specification; the floor is one commit.
 * Run: npx tsx tests/bench/engine.ts [--only gap,load,flat,rest,restart] [--runs 30] [--finished 1000000]
 *      [--waiting 10000] [--profile FOLDER]
 */
import { loadavg } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { type Mode, until } from "@/tests/conformance/engine/harness";
import { type CpuTimes, type Ground, Line, openGround, summarise } from "./engine-bench";
import { fillFinished, fillWaiting } from "./engine-fill";

const { values: args } = parseArgs({
  options: {
    only: { type: "string", default: "gap,load,flat,rest,restart" },
    runs: { type: "string", default: "30" },
    finished: { type: "string", default: "1000000" },
    waiting: { type: "string", default: "10000" },
    profile: { type: "string" },
  },
});
const RUNS = Number(args.runs);
const STEPS = 10;
const LOAD_EVENTS = 200;
const FEW_FINISHED = 100;
const REST_MS = 15_000;
const PROFILE = args.profile ? ["--cpu-prof", `--cpu-prof-dir=${args.profile}`] : [];

const print = (text: string) => process.stdout.write(`${text}\n`);

/** How steps are reported: each, several together as our own functions do, or by one call for each. */
const WAYS: { name: string; checkpointing: Mode["checkpointing"]; gapGoal: string; rateGoal: string }[] = [
  { name: "checkpointed", checkpointing: true, gapGoal: "goal: median 2", rateGoal: "goal: 1000" },
  { name: "checkpointed by 3", checkpointing: { bufferedSteps: 3 }, gapGoal: "", rateGoal: "" },
  { name: "one by one", checkpointing: false, gapGoal: "goal: median 10", rateGoal: "" },
];

function show(what: string, values: number[], goal = ""): void {
  const { min, median, p95, max } = summarise(values);
  const cells = [min, median, p95, max].map((value) => value.toFixed(2).padStart(9)).join("");
  print(`${what.padEnd(44)}${cells} ms  ${goal}`);
}

function perStep(before: CpuTimes, after: CpuTimes, steps: number): CpuTimes {
  const of = (key: keyof CpuTimes) => (after[key] - before[key]) / steps;
  return { app: of("app"), engine: of("engine"), postgres: of("postgres") };
}

function showCpu(what: string, { app, engine, postgres }: CpuTimes): void {
  const cell = (name: string, value: number) => `${name} ${value.toFixed(2)}`;
  print(
    `${what.padEnd(44)}  processor ms a step: ${[
      cell("app", app),
      cell("engine", engine),
      cell("postgres", postgres),
    ].join(", ")}`,
  );
}

async function warm(line: Line): Promise<void> {
  for (let i = 0; i < 20; i++) await line.runs(1, STEPS);
  await line.runs(50, STEPS);
}

async function probeCommit({ client }: Ground): Promise<void> {
  await client.query("CREATE TABLE IF NOT EXISTS probe (id int)");
  const times: number[] = [];
  for (let i = 0; i < 200; i++) {
    const start = performance.now();
    await client.query({ name: "probe", text: "INSERT INTO probe VALUES ($1)", values: [i] });
    times.push(performance.now() - start);
  }
  show("one commit (the floor)", times);
}

async function measureGaps(line: Line, name: string, goal: string): Promise<number> {
  const firsts: number[] = [];
  const gaps: number[] = [];
  const before = line.cpu();
  for (let i = 0; i < RUNS; i++) {
    const { sent, marks } = await line.runs(1, STEPS);
    const steps = marks[0]!;
    firsts.push(steps[0]! - sent);
    gaps.push(...steps.slice(1).map((time, index) => time - steps[index]!));
  }
  show(`${name}: event → first step`, firsts, "goal: median 10");
  show(`${name}: gap between steps`, gaps, goal);
  showCpu(`${name}: one run at a time`, perStep(before, line.cpu(), RUNS * STEPS));
  return summarise(gaps).median;
}

async function measureLoad(line: Line, name: string, goal: string): Promise<CpuTimes> {
  const rates: number[] = [];
  const before = line.cpu();
  const rounds = 3;
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    await line.runs(LOAD_EVENTS, STEPS);
    rates.push((LOAD_EVENTS * STEPS * 1000) / (performance.now() - start));
  }
  const cpu = perStep(before, line.cpu(), rounds * LOAD_EVENTS * STEPS);
  print(
    `${`${name}: ${LOAD_EVENTS} runs of ${STEPS} steps`.padEnd(44)}  ${rates
      .map((rate) => Math.round(rate))
      .join(", ")} steps/s  ${goal}`,
  );
  showCpu(`${name}: under load`, cpu);
  return cpu;
}

async function gapAndLoad(ground: Ground, wanted: Set<string>): Promise<void> {
  for (const { name, checkpointing, gapGoal, rateGoal } of WAYS) {
    const line = await Line.open(ground, checkpointing, PROFILE);
    await warm(line);
    if (wanted.has("gap")) await measureGaps(line, name, gapGoal);
    if (wanted.has("load")) await measureLoad(line, name, rateGoal);
    await line.close();
  }
}

/** The same work with few and with very many finished runs in the tables. */
async function flat(ground: Ground): Promise<void> {
  const many = Number(args.finished);
  const figures: { gap: number; cpu: number }[] = [];
  for (const finished of [FEW_FINISHED, many]) {
    const start = performance.now();
    await fillFinished(ground.client, finished);
    const line = await Line.open(ground, true, PROFILE);
    await warm(line);
    print(
      `-- ${finished} finished runs in the tables (filled in ${Math.round(performance.now() - start)} ms)`,
    );
    const gap = await measureGaps(line, "checkpointed", "");
    const { engine, postgres } = await measureLoad(line, "checkpointed", "");
    figures.push({ gap, cpu: engine + postgres });
    await line.close();
  }
  const [few, lots] = figures as [{ gap: number; cpu: number }, { gap: number; cpu: number }];
  const ratio = (key: "gap" | "cpu") => (lots[key] / few[key]).toFixed(2);
  print(`flat: gap × ${ratio("gap")}, engine + postgres processor time × ${ratio("cpu")}  goal: × 1.2`);
}

async function rest(ground: Ground): Promise<void> {
  const line = await Line.open(ground, true, PROFILE);
  await warm(line);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const before = line.cpu();
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  const after = line.cpu();
  const percent = (key: keyof CpuTimes) => (((after[key] - before[key]) / REST_MS) * 100).toFixed(2);
  print(
    `at rest for ${REST_MS / 1000} s: engine ${percent("engine")} %, postgres ${percent("postgres")} %  goal: 1 %`,
  );
  await line.close();
}

/** From the start of the process until it listens, with all runs read back; one of them must then go on. */
async function restart(ground: Ground): Promise<void> {
  const waiting = Number(args.waiting);
  const first = await Line.open(ground, true);
  await first.close();
  const key = await fillWaiting(ground.client, waiting);
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    const line = await Line.open(ground, true, PROFILE);
    times.push(line.listeningAt - start);
    if (i === 4) {
      await line.app.client.send({ name: "go", data: { key } });
      await until("a waiting run to go on", async () => {
        const { rows } = await ground.client.query(
          "SELECT 1 FROM engine.run WHERE status = 'completed' AND id = $1",
          [key],
        );
        return rows.length === 1;
      });
    }
    await line.close();
  }
  show(`restart with ${waiting} waiting runs`, times, "goal: 2000");
  await ground.client.query("DELETE FROM engine.run WHERE status = 'running'");
  await ground.client.query("DELETE FROM engine.work");
}

const wanted = new Set(args.only.split(","));
const ground = await openGround();
try {
  print(`load ${loadavg()[0]!.toFixed(2)}; Node ${process.version}`);
  print(`${"".padEnd(44)}      min   median      p95      max`);
  await probeCommit(ground);
  if (wanted.has("gap") || wanted.has("load")) await gapAndLoad(ground, wanted);
  if (wanted.has("rest")) await rest(ground);
  if (wanted.has("restart")) await restart(ground);
  if (wanted.has("flat")) await flat(ground);
  print(`load ${loadavg()[0]!.toFixed(2)}`);
} finally {
  // Also after a fault: what was started here must not outlive the program.
  Line.killAll();
  await ground.close();
}
process.exit(0);
