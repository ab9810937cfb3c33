/**
 * Measures the embedded engine with a real SDK app: event → first step, the gap between sequential steps, and
 * steps per second under load; each with a probe of the database's commit, because absolute times do not travel.
 * Run: npx tsx tests/bench/engine-gap.ts [runs]
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import pg from "pg";
import { startEmbeddedPostgres } from "@/cli/launcher/embedded-postgres";
import { migrate } from "@/prisma/migrate";
import { freePort, spawnEngine } from "@/tests/conformance/engine/child";
import { startApp, until } from "@/tests/conformance/engine/harness";

const RUNS = Number(process.argv[2] ?? 30);
const STEPS = 10;
const LOAD_EVENTS = 200;

interface Times {
  sent: number;
  steps: number[];
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function show(what: string, values: number[]): void {
  const sorted = [...values].sort((a, b) => a - b);
  const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
  const cell = (value: number) => value.toFixed(2).padStart(8);
  process.stdout.write(
    `${what.padEnd(44)}${cell(sorted[0]!)}${cell(median(values))}${cell(p95)} ms (min, median, p95)\n`,
  );
}

/** One INSERT and its commit, the floor under every step. */
async function probeCommit(databaseUrl: string): Promise<number[]> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  await client.query("CREATE TABLE IF NOT EXISTS probe (id int)");
  const times: number[] = [];
  for (let i = 0; i < 200; i++) {
    const start = performance.now();
    await client.query({ name: "probe", text: "INSERT INTO probe VALUES ($1)", values: [i] });
    times.push(performance.now() - start);
  }
  await client.end();
  return times;
}

async function measure(databaseUrl: string, checkpointing: boolean): Promise<void> {
  const seen = new Map<string, Times>();
  const port = await freePort();
  const engineUrl = `http://127.0.0.1:${port}`;
  const app = await startApp(
    { checkpointing, signed: true },
    () => engineUrl,
    (client) => [
      client.createFunction({ id: "ten", triggers: [{ event: "ten" }] }, async ({ event, step }) => {
        const times = seen.get(String(event.data.key))!;
        for (let i = 0; i < STEPS; i++)
          await step.run(`s${i}`, () => void times.steps.push(performance.now()));
      }),
    ],
  );
  const engine = await spawnEngine(databaseUrl, app.url, port);
  await until("the app to be synced", async () => {
    const { functions } = (await (await fetch(`${engineUrl}/health`)).json()) as { functions: number };
    return functions > 0;
  });
  const name = checkpointing ? "checkpointing" : "step by step";
  const done = (key: string) => seen.get(key)!.steps.length >= STEPS;
  const run = async (key: string) => {
    const times: Times = { sent: performance.now(), steps: [] };
    seen.set(key, times);
    await app.client.send({ name: "ten", data: { key } });
    await until("the run", () => done(key));
    return times;
  };
  for (let i = 0; i < 10; i++) await run(`warm-${i}`);
  const firsts: number[] = [];
  const gaps: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const { sent, steps } = await run(`run-${i}`);
    firsts.push(steps[0]! - sent);
    gaps.push(...steps.slice(1).map((time, index) => time - steps[index]!));
  }
  show(`${name}: event → first step`, firsts);
  show(`${name}: gap between steps`, gaps);
  const start = performance.now();
  const keys = Array.from({ length: LOAD_EVENTS }, (_, i) => `load-${i}`);
  for (const key of keys) seen.set(key, { sent: start, steps: [] });
  await app.client.send(keys.map((key) => ({ name: "ten", data: { key } })));
  await until("the load", () => keys.every(done), 300_000);
  const seconds = (performance.now() - start) / 1000;
  const rate = Math.round((LOAD_EVENTS * STEPS) / seconds);
  process.stdout.write(
    `${name}: ${LOAD_EVENTS} runs of ${STEPS} steps in ${seconds.toFixed(2)} s, ${rate} steps/s\n`,
  );
  show("one commit (floor)", await probeCommit(databaseUrl));
  await engine.kill();
  await app.close();
}

const folder = mkdtempSync(join(tmpdir(), "fabrica-bench-"));
chmodSync(folder, 0o755);
const server = await startEmbeddedPostgres({ dataDir: join(folder, "postgres") });
try {
  await migrate(server.url);
  for (const checkpointing of [true, false]) await measure(server.url, checkpointing);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
