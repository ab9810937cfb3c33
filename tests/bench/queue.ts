/**
 * The queue side by side with graphile-worker, pg-boss and a plain SKIP LOCKED loop, on one Postgres with fsync:
 * enqueue + claim + complete at several backlogs, an urgent job under a backlog, a waiting worker that is woken.
 * Rounds of all are interleaved, goals are ratios within the run. What a cycle is stands in queue/*.ts.
 * Run: npx tsx tests/bench/queue.ts [--seconds 3] [--rounds 3] [--sizes 1000,10000,100000] [--loops 8] [--million] [--only ours,floor]
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { startEmbeddedPostgres, withDatabase } from "@/cli/launcher/embedded-postgres";
import { migrate } from "@/prisma/migrate";
import type { QueueLimits } from "@/server/services/limits/queue-limits";
import { startBoss } from "./queue/boss";
import type { Contender } from "./queue/contender";
import { startFloor } from "./queue/floor";
import { startGraphile } from "./queue/graphile";
import { startOurs } from "./queue/ours";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    sizes: { type: "string", default: "1000,10000,100000" },
    million: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    samples: { type: "string", default: "100" },
    loops: { type: "string", default: "8" },
  },
});
const SECONDS = Number(options.seconds);
const ROUNDS = Number(options.rounds);
const SAMPLES = Number(options.samples);
const SIZES = options.sizes.split(",").map(Number);
const MILLION = 1_000_000;
/** How many file, claim and end jobs at the same time. */
const LOOPS = Number(options.loops);
const URGENT_AT = 100_000;
const WARM_MS = 1_000;
/** Every policy is on; none can be reached by eight workers, so each claim checks that and need not count. */
const WIDE: QueueLimits = {
  factory: 100,
  team: 50,
  lanes: { owners: 40, validation: 40, debugging: 40, test: 40 },
  dayMicroUsd: 50_000_000n,
  dayAgentRuns: 10_000,
  cooldownSeconds: 0,
};
/** Here leases are counted, one claim after the other. */
const TIGHT: QueueLimits = { ...WIDE, factory: 6 };

const COUNTING = "ours, counting leases";

const say = (text: string) => process.stdout.write(`${text}\n`);
const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b);
const quantile = (list: readonly number[], q: number) =>
  sorted(list)[Math.min(list.length - 1, Math.floor(list.length * q))] ?? Number.NaN;
const median = (list: readonly number[]) => quantile(list, 0.5);
const triple = (list: readonly number[], digits: number) =>
  [quantile(list, 0), median(list), quantile(list, 1)].map((value) => value.toFixed(digits)).join(" / ");

/** @returns how many cycles a second were made in `ms` milliseconds */
async function cycle(contender: Contender, ms: number): Promise<number> {
  const until = performance.now() + ms;
  const start = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: LOOPS }, async (_, loop) => {
      while (performance.now() < until) {
        await contender.cycle(loop);
        count++;
      }
    }),
  );
  return count / ((performance.now() - start) / 1000);
}

async function rate(contender: Contender): Promise<number> {
  await cycle(contender, WARM_MS);
  const reached = await cycle(contender, SECONDS * 1000);
  await contender.rest?.();
  return reached;
}

/** As many cycle meanwhile as where the rate is measured. */
async function urgentTimes(contender: Contender): Promise<number[]> {
  await cycle(contender, WARM_MS);
  let over = false;
  const load = Array.from({ length: LOOPS }, async (_, loop) => {
    while (!over) await contender.cycle(loop);
  });
  const times: number[] = [];
  for (let i = 0; i < SAMPLES; i++) times.push(await contender.urgent());
  over = true;
  // Nobody is left to end the last cycles of a queue that runs by itself.
  await Promise.race([Promise.all(load), new Promise((resolve) => setTimeout(resolve, 2_000))]);
  await contender.rest?.();
  return times.slice(Math.min(10, SAMPLES / 10));
}

/** A process that has been at work for a while: the first seconds of any program are slow. */
async function warm(contender: Contender): Promise<void> {
  await contender.fill(100);
  await cycle(contender, 3 * WARM_MS);
  await contender.rest?.();
  // What the database cleans up once a minute is cleaned up now, or it would hit whoever comes first.
  await contender.fill(100);
}

async function wakeTimes(contender: Contender): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < SAMPLES; i++) times.push(await contender.wake());
  await contender.rest?.();
  return times.slice(Math.min(10, SAMPLES / 10));
}

function goal(what: string, value: number, least: number | null, most: number | null = null): void {
  const met = (least === null || value >= least) && (most === null || value <= most);
  const wanted = least !== null ? `≥ ${least}` : `≤ ${most}`;
  say(`  ${met ? "met   " : "MISSED"} ${what.padEnd(52)} ${value.toFixed(2)} (goal ${wanted})`);
}

const folder = mkdtempSync(join(tmpdir(), "fabrica-bench-queue-"));
chmodSync(folder, 0o755);
const server = await startEmbeddedPostgres({ dataDir: join(folder, "postgres"), durable: true });
Object.assign(process.env, {
  DATABASE_URL: withDatabase(server.url, "ours"),
  DATA_DIR: folder,
  FABRICA_AUTH_SECRET: "0123456789abcdef0123456789abcdef",
  LOG_LEVEL: "error",
  FABRICA_BUILT_IN_ENGINE: "1",
});

async function database(name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  return withDatabase(server.url, name);
}

async function startFactory(name: string, title: string, limits: QueueLimits): Promise<Contender> {
  const url = await database(name);
  await migrate(url);
  return startOurs(url, LOOPS, title, limits);
}

async function startAll(): Promise<Contender[]> {
  const starts: Record<string, () => Promise<Contender>> = {
    ours: () => startFactory("ours", "ours", WIDE),
    tight: () => startFactory("tight", COUNTING, TIGHT),
    floor: async () => startFloor(await database("floor"), LOOPS),
    graphile: async () => startGraphile(await database("graphile"), LOOPS),
    boss: async () => startBoss(await database("boss"), LOOPS),
  };
  const wanted = options.only ? options.only.split(",") : Object.keys(starts);
  const contenders: Contender[] = [];
  for (const name of wanted) {
    const start = starts[name];
    if (!start) throw new Error(`--only knows ${Object.keys(starts).join(", ")}`);
    contenders.push(await start());
  }
  return contenders;
}

const rates = new Map<string, number[]>();
const rateOf = (name: string, size: number) => median(rates.get(`${name} ${size}`) ?? []);

/** What a queue does is measured, not what filling it left to be written down. */
async function settle(): Promise<void> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query("CHECKPOINT");
  await client.end();
}

/** One round of all after the other, so that what the machine does in the meantime meets all of them. */
async function inTurns(
  entries: readonly { contender: Contender; key: string; size: number }[],
  rounds = ROUNDS,
): Promise<void> {
  for (const { contender, size } of entries) await contender.fill(size);
  await settle();
  for (let round = 0; round < rounds; round++) {
    // Another one begins each time: whoever comes first pays for what the last one left to be written.
    const first = round % entries.length;
    for (const { contender, key } of [...entries.slice(first), ...entries.slice(0, first)])
      rates.set(key, [...(rates.get(key) ?? []), await rate(contender)]);
  }
  for (const { contender, key, size } of entries)
    say(
      `  ${contender.name.padEnd(24)} ${String(size).padStart(8)} waiting: ${triple(rates.get(key) ?? [], 0)}`,
    );
}

async function compareRates(contenders: readonly Contender[], size: number): Promise<void> {
  await inTurns(contenders.map((contender) => ({ contender, key: `${contender.name} ${size}`, size })));
}

/** Backlogs side by side, each in a database of its own and all made alike: minutes apart, the machine would be measured. */
async function compareBacklogs(sizes: readonly number[]): Promise<void> {
  say("ours, the backlogs in turns, jobs/s (min / median / max)");
  const entries: { contender: Contender; key: string; size: number }[] = [];
  for (const size of sizes) {
    const contender = await startFactory(`waiting_${size}`, "ours", WIDE);
    await warm(contender);
    entries.push({ contender, key: `in turns ${size}`, size });
  }
  // What is looked for is small beside how much two rounds of the same differ.
  await inTurns(entries, 3 * ROUNDS);
  const least = median(rates.get(`in turns ${sizes[0]}`) ?? []);
  for (const { key, size } of entries.slice(1)) {
    const wanted = size >= MILLION ? 0.8 : 0.9;
    goal(`ours: ${size} ÷ ${sizes[0]} waiting`, median(rates.get(key) ?? []) / least, wanted);
  }
  for (const { contender } of entries) await contender.close();
}

async function main(): Promise<void> {
  const contenders = await startAll();
  const named = (name: string) => contenders.find((one) => one.name === name);
  const [ours, floor, graphile] = [named("ours"), named("floor"), named("graphile-worker")];
  say(
    `${cpus().length} cores, Node ${process.version}, fsync on, ${LOOPS} loops, ${ROUNDS} rounds of ${SECONDS} s`,
  );

  say("submit → claimed by a waiting worker, ms (min / median / max)");
  const wakes = new Map<string, number[]>();
  // Notifications are listened to in one database only, and pg-boss has none.
  const woken = contenders.filter(({ name }) => name !== "pg-boss" && name !== COUNTING);
  for (const contender of woken) await warm(contender);
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of woken)
      wakes.set(contender.name, [...(wakes.get(contender.name) ?? []), ...(await wakeTimes(contender))]);
  }
  for (const { name } of woken) say(`  ${name.padEnd(24)} ${triple(wakes.get(name) ?? [], 2)}`);
  if (ours && graphile)
    goal(
      "submit → claimed ÷ graphile",
      median(wakes.get("ours") ?? []) / median(wakes.get(graphile.name) ?? []),
      null,
      1,
    );

  say("enqueue + claim + complete, jobs/s (min / median / max)");
  for (const size of SIZES) await compareRates(contenders, size);
  for (const size of SIZES) {
    if (ours && floor)
      goal(`${size} waiting: ours ÷ floor`, rateOf("ours", size) / rateOf("floor", size), 0.5);
    if (ours && graphile)
      goal(`${size} waiting: ours ÷ graphile`, rateOf("ours", size) / rateOf(graphile.name, size), 1.5);
  }
  const [first, last] = [SIZES[0] as number, SIZES.at(-1) as number];

  say(`urgent job under ${Math.max(last, URGENT_AT)} waiting, ms (p50 / p99)`);
  const urgents = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of contenders) {
      await contender.fill(URGENT_AT);
      await settle();
      const times = await urgentTimes(contender);
      urgents.set(contender.name, [...(urgents.get(contender.name) ?? []), ...times]);
    }
  }
  const urgent = (name: string, q: number) => quantile(urgents.get(name) ?? [], q);
  for (const { name } of contenders)
    say(`  ${name.padEnd(24)} ${urgent(name, 0.5).toFixed(2)} / ${urgent(name, 0.99).toFixed(2)}`);
  if (ours && floor) goal("urgent p99 ÷ floor", urgent("ours", 0.99) / urgent("floor", 0.99), null, 2);

  for (const contender of contenders) await contender.close();
  if (ours) {
    const backlogs = new Set([first, last, ...(options.million ? [MILLION] : [])]);
    if (backlogs.size > 1) await compareBacklogs([...backlogs]);
  }
}

try {
  await main();
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
