/**
 * Measures what the factory adds to a model turn: everything from the beginning of its step to its end outside of the
 * provider and the sandbox. The provider answers at once, the answer needs no sandbox. The goal is a median of 15 ms.
 * As a floor the same run measures a commit of one row. Counts do not depend on the load of the machine.
 * Run: npx tsx tests/bench/turn.ts [--turns N] [--history N] [--show]
 * `--show` prints the statements of the last turn. The time of the processor is this process's own, so that the load of the
 * machine says little there.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { startEmbeddedPostgres } from "@/cli/launcher/embedded-postgres";
import { migrate } from "@/prisma/migrate";
import { startAgentRun } from "@/server/agents/start-agent-run";
import { takeTurn } from "@/server/agents/take-turn";
import type { Ctx } from "@/server/context";
import { type Db, db as sharedDb } from "@/server/db";
import type { Job } from "@/server/generated/prisma/client";
import { providerOf } from "@/server/models/choose-model";
import type { ModelAnswer } from "@/server/models/port";
import { HandRunner } from "@/tests/support/hand-runner";
import { addTeam, addWorkers, fileJob } from "@/tests/support/settings";

const { values } = parseArgs({
  options: {
    turns: { type: "string", default: "100" },
    history: { type: "string", default: "20" },
    show: { type: "boolean", default: false },
  },
});
const TURNS = Number(values.turns);
const WARM_UP = 20;

const ANSWER: ModelAnswer = {
  text: "The next thing to do is to write the module, and then its tests. ".repeat(20),
  calls: [],
  stop: "end",
  usage: { input: 3_000, output: 400, cacheRead: 9_000, cacheWrite: 500 },
  model: "sim-1",
};

const said: string[] = [];
let statements = 0;
let transactions = 0;
let providerMs = 0;

/** The driver's own door, so that whatever speaks to the database is seen. */
function countStatements(): void {
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const [first] = args;
    const text = typeof first === "string" ? first : ((first as { text?: string } | null)?.text ?? "");
    if (/^\s*BEGIN/i.test(text)) transactions++;
    else if (!/^\s*(COMMIT|ROLLBACK)/i.test(text)) statements++;
    said.push(text.replace(/\s+/g, " ").trim().slice(0, 160));
    return Reflect.apply(query, this, args);
  } as typeof query;
}

/** Time spent in the provider is taken off, however little it is. */
function answerAtOnce(): void {
  providerOf("simulation").ask = async () => {
    const began = performance.now();
    const answer = structuredClone(ANSWER);
    providerMs += performance.now() - began;
    return answer;
  };
}

interface Measured {
  ms: number[];
  /** Milliseconds of the processor. */
  cpu: number[];
  statements: number;
  transactions: number;
}

/** Turn `history + 1` of one agent run after the other. */
async function measureTurns(db: Db, job: Job, history: number): Promise<Measured> {
  const ms: number[] = [];
  const cpu: number[] = [];
  let counted = { statements: 0, transactions: 0 };
  for (let i = 0; i < WARM_UP + TURNS; i++) {
    const key = `task-1/history-${history}-${i}`;
    await startAgentRun(db, { job, key, role: "coder", first: "Build it. ".repeat(500), task: 1 });
    await writeHistory(db, job, key, history);
    const before = { statements, transactions };
    providerMs = 0;
    said.length = 0;
    const cpuBefore = process.cpuUsage();
    const began = performance.now();
    await takeTurn(db, { job: job.publicId, run: 1 }, key, history + 1);
    if (i >= WARM_UP) {
      ms.push(performance.now() - began - providerMs);
      const used = process.cpuUsage(cpuBefore);
      cpu.push((used.user + used.system) / 1000);
    }
    counted = {
      statements: statements - before.statements,
      transactions: transactions - before.transactions,
    };
  }
  return { ms, cpu, ...counted };
}

/** Finished turns with a call and what came of it, as an agent makes them. */
async function writeHistory(db: Db, job: Job, key: string, history: number): Promise<void> {
  const agentRun = await db.agentRun.findFirstOrThrow({ where: { jobId: job.id, key } });
  await db.turn.createMany({
    data: Array.from({ length: history }, (_, i) => {
      const call = { id: `call_${i}`, name: "read", input: { path: `src/file-${i}.ts` } };
      return {
        agentRunId: agentRun.id,
        n: i + 1,
        answer: JSON.parse(JSON.stringify({ ...ANSWER, calls: [call], stop: "tool" })),
        usage: { ...ANSWER.usage },
        costMicroUsd: 5_000n,
        observations: [{ callId: call.id, content: "a line of the file\n".repeat(100), isError: false }],
        modelMs: 1_000,
        finishedAt: new Date(),
      };
    }),
  });
}

/** What one durable write costs here: the floor of whatever stores something. */
async function measureCommits(db: Db): Promise<number[]> {
  await db.$executeRawUnsafe("CREATE TABLE bench_floor (n int)");
  const ms: number[] = [];
  for (let i = 0; i < WARM_UP + TURNS; i++) {
    const began = performance.now();
    await db.$executeRaw`INSERT INTO bench_floor VALUES (${i}::int)`;
    if (i >= WARM_UP) ms.push(performance.now() - began);
  }
  return ms;
}

function line(name: string, ms: number[], more = ""): string {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  return `${name.padEnd(34)} ${at(0)} / ${at(0.5)} / ${at(1)} ms${more}`;
}

/** A PostgreSQL that writes to disk before it says that it did, as a factory's own. */
async function withFactory(work: (db: Db, ctx: Ctx) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fabrica-bench-turn-"));
  chmodSync(folder, 0o755);
  const server = await startEmbeddedPostgres({ dataDir: join(folder, "postgres") });
  try {
    await migrate(server.url);
    Object.assign(process.env, {
      DATABASE_URL: server.url,
      DATA_DIR: join(folder, "data"),
      FABRICA_AUTH_SECRET: "0123456789abcdef0123456789abcdef",
      BUDGET_DAY_USD: "100000",
      DAILY_BUDGET: "1000000",
      LOG_LEVEL: "error",
    });
    await work(sharedDb(), await addTeam(sharedDb(), "bench"));
  } finally {
    await sharedDb().$disconnect();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await withFactory(async (db, ctx) => {
  countStatements();
  answerAtOnce();
  await fileJob(ctx, { budget_usd: 10_000, models: { coder: "simulation/sim-1" } });
  const [worker] = await addWorkers(db, 1);
  const runner = new HandRunner(db, worker as string);
  const job = await runner.claim();
  const floor = await measureCommits(db);
  const first = await measureTurns(db, job, 0);
  const later = await measureTurns(db, job, Number(values.history));
  await runner.stop();
  const counts = ({ statements, transactions }: Measured) =>
    `   ${statements} statements, ${transactions} transactions of several`;
  const lines = [
    `${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}, ${TURNS} turns each, min / median / max`,
    line("a commit of one row (floor)", floor),
    line("turn 1", first.ms, counts(first)),
    line("turn 1, processor", first.cpu),
    line(`turn ${Number(values.history) + 1}`, later.ms, counts(later)),
    line(`turn ${Number(values.history) + 1}, processor`, later.cpu),
    ...(values.show ? said : []),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
});
