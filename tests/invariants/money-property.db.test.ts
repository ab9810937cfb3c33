// A9, A10 as a property: a hundred jobs in parallel, whose calls end in every way there is while connections are killed
// under them. At no moment is a cap passed; in the end nothing is reserved and every sum agrees to the micro-dollar.
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAgentRun } from "@/server/agents/start-agent-run";
import { storeAnswer } from "@/server/agents/store-answer";
import type { Ctx } from "@/server/context";
import { connect, type Db } from "@/server/db";
import { COST_GROUPS, type CostLine } from "@/server/domain/costs";
import type { AgentRun, Job } from "@/server/generated/prisma/client";
import type { Usage } from "@/server/models/port";
import { costMicro, priceOf, upperBoundMicro } from "@/server/models/prices";
import { jobCosts } from "@/server/services/costs/job-costs";
import { teamCosts } from "@/server/services/costs/team-costs";
import { reserveSpend } from "@/server/services/spend/reserve-spend";
import { settleSpend } from "@/server/services/spend/settle-spend";
import { sweepSpend } from "@/server/services/spend/sweep-spend";
import { addTeam, type Core, fileJob, startCore } from "../support/settings";

const JOBS = 100;
const ACTORS = 24;
const CALLS = 25;
const MODELS = [
  ["anthropic", "claude-sonnet-5-5"],
  ["anthropic", "claude-haiku-5-5"],
  ["simulation", "sim-1"],
  ["ollama", "qwen"],
] as const;
const ROLES = ["planner", "coder", "fixer"] as const;

let core: Core;
/** Its connections are killed. */
let victim: Db;

beforeAll(async () => {
  core = await startCore({ BUDGET_DAY_USD: "1000" });
  const url = new URL(core.url);
  url.searchParams.set("application_name", "victim");
  victim = connect(url.href, 12);
});
afterAll(async () => {
  await victim.$disconnect();
  await core.close();
});

/** Repeatable numbers (mulberry32): an actor's choices follow from its seed, only their order in time does not. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}

interface World {
  ctx: Ctx;
  jobs: { job: Job; runs: AgentRun[] }[];
  /** How often each thing happened. */
  seen: Map<string, number>;
}
const count = ({ seen }: World, what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);

/** A third of the jobs are parts of others, and draw on their caps. */
async function makeWorld(slug: string, seed: number): Promise<World> {
  const ctx = await addTeam(core.db, slug, { budgetDay: 1_500_000n });
  const next = numbers(seed);
  const world: World = { ctx, jobs: [], seen: new Map() };
  for (let i = 0; i < JOBS; i++) {
    const filed = await fileJob(ctx);
    const root = i % 3 === 2 ? world.jobs[next(i)]?.job : undefined;
    const job = await core.db.job.update({
      where: { id: filed.id },
      data: {
        budgetMicroUsd: BigInt(8_000 + next(60_000)),
        rootId: root?.rootId ?? filed.id,
        state: "running",
      },
    });
    for (const role of ROLES)
      await startAgentRun(core.db, { job, key: `task-1/${role}`, role, first: "x", task: 1 });
    const runs = await core.db.agentRun.findMany({ where: { jobId: job.id }, orderBy: { id: "asc" } });
    world.jobs.push({ job, runs });
  }
  return world;
}

/** One model call from its reservation to one of its ends, as askModel and the sweep make it. */
async function call(world: World, key: string, next: (below: number) => number): Promise<void> {
  const { job, runs } = world.jobs[next(world.jobs.length)] as World["jobs"][0];
  const agentRun = runs[next(runs.length)] as AgentRun;
  const [provider, model] = MODELS[next(MODELS.length)] as (typeof MODELS)[number];
  const price = priceOf(provider, model);
  const n = 1 + next(1_000_000);
  const inputTokens = 100 + next(4_000);
  const external = next(10) === 0;
  const role = agentRun.role as (typeof ROLES)[number];
  const request = {
    job,
    key,
    role,
    provider,
    model,
    price,
    inputTokens,
    maxTokens: 1_024 + next(3_000),
    timeoutMs: 60_000,
  };
  const reserved = await reserveSpend(victim, {
    ...request,
    ...(external ? {} : { agentRun: agentRun.key, turn: n }),
  });
  if (!reserved.allowed) return void count(world, reserved.why);
  const usage: Usage = {
    input: next(inputTokens),
    output: next(reserved.maxTokens),
    cacheRead: 0,
    cacheWrite: 0,
  };
  const cost = BigInt(costMicro(price, usage));
  const most = BigInt(upperBoundMicro(price, { inputTokens, maxTokens: reserved.maxTokens }));
  const settle = (costMicro: bigint, as: "settled" | "estimated" | "released") =>
    victim.$transaction((tx) => settleSpend(tx, { key, usage, costMicro, as }));
  const ends: [string, () => Promise<unknown>][] = [
    ["died", async () => undefined],
    ["released", () => settle(0n, "released")],
    ["estimated", () => settle(most, "estimated")],
    ["twice", () => Promise.all([settle(cost, "settled"), settle(most, "estimated")])],
    ["settled", () => settle(cost, "settled")],
    ["answered", () => answer(cost)],
    ["answered", () => answer(cost)],
  ];
  const answer = (paid: bigint) =>
    storeAnswer(victim, {
      job,
      agentRun: external ? (runs[0] as AgentRun) : agentRun,
      n,
      key,
      answer: { text: "x", calls: [], stop: "end", usage, model },
      modelMs: 1,
      cost: paid,
    });
  const [what, end] = ends[next(ends.length)] as (typeof ends)[0];
  await end();
  count(world, what);
}

/** Makes calls until it is done; what dies under it is lost like a process that was killed there. */
async function act(world: World, actor: number, seed: number): Promise<void> {
  const next = numbers(seed);
  for (let i = 0; i < CALLS; i++) {
    count(world, "begun");
    try {
      await call(world, `${world.ctx.actor.teamSlug}/${actor}/${i}`, next);
    } catch (error) {
      expect(String(error)).not.toMatch(/deadlock/i);
      count(world, "killed");
    }
  }
}

/** Kills connections in the middle of whatever they do, and looks whether a cap is passed, until `done`. */
async function disturb(world: World, seed: number, done: () => boolean): Promise<void> {
  const next = numbers(seed);
  const client = new pg.Client({ connectionString: core.url });
  await client.connect();
  let kills = 0;
  while (!done()) {
    const { rows } = await client.query(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND state <> 'idle' ORDER BY query_start`,
    );
    const pid = rows[next(Math.max(1, rows.length))]?.pid;
    // Not so often that hardly a call comes to its end.
    if (pid && kills < (world.seen.get("begun") ?? 0) / 5) {
      await client.query("SELECT pg_terminate_backend($1)", [pid]);
      kills++;
    }
    const passed = await client.query(
      `SELECT public_id FROM job WHERE spent_micro_usd + reserved_micro_usd > budget_micro_usd AND root_id = id
      UNION ALL SELECT 'the day' FROM daily_spend d JOIN team t ON t.id = d.team_id
        WHERE d.spent_micro + d.reserved_micro > t.budget_day_micro_usd`,
    );
    expect(passed.rows).toEqual([]);
    count(world, "looked");
  }
  await client.end();
}

const micro = (usd: number) => Math.round(usd * 1_000_000);
const sumOf = (lines: CostLine[]) => lines.reduce((sum, line) => sum + micro(line.cost_usd), 0);

/** Every place that keeps a sum, against the calls themselves. */
async function expectBooksToAgree({ ctx, jobs }: World): Promise<number> {
  const calls = await core.db.spend.findMany({ where: { teamId: ctx.actor.teamId } });
  expect(calls.filter((one) => one.state === "reserved")).toEqual([]);
  const cost = (of: (one: (typeof calls)[0]) => boolean) =>
    calls.filter(of).reduce((sum, one) => sum + one.costMicro, 0n);
  for (const { job, runs } of jobs) {
    const row = await core.db.job.findUniqueOrThrow({ where: { id: job.id } });
    const isRoot = job.rootId === job.id;
    const own = cost((one) => (isRoot ? one.rootJobId : one.jobId) === job.id);
    expect([row.spentMicroUsd, row.reservedMicroUsd]).toEqual([own, 0n]);
    for (const { id, key } of runs) {
      const run = await core.db.agentRun.findUniqueOrThrow({ where: { id } });
      expect(run.spentMicroUsd).toBe(cost((one) => one.jobId === job.id && one.agentRun === key));
    }
    const view = await jobCosts({ ctx, input: { id: job.publicId } });
    const groups = [view.by_role, view.by_model, view.by_agent_run, view.by_round, view.by_job, view.by_day];
    expect(groups.map(sumOf)).toEqual(groups.map(() => Number(own)));
    const log = await core.db.jobEvent.findMany({ where: { jobId: job.id, type: "spend.settled" } });
    const told = log.reduce((sum, { data }) => sum + micro((data as { cost_usd: number }).cost_usd), 0);
    expect(told).toBe(Number(cost((one) => one.jobId === job.id)));
  }
  const all = cost(() => true);
  const days = await core.db.dailySpend.findMany({ where: { teamId: ctx.actor.teamId } });
  expect(days.reduce((sum, day) => sum + day.spentMicro, 0n)).toBe(all);
  expect(days.every((day) => day.reservedMicro === 0n)).toBe(true);
  for (const by of COST_GROUPS) {
    const view = await teamCosts({ ctx, input: { by } });
    expect([by, sumOf(view.rows), micro(view.total.cost_usd)]).toEqual([by, Number(all), Number(all)]);
  }
  return calls.length;
}

test.each([20_261_121, 7])(
  "a hundred jobs in parallel, kills included, seed %i: no cap is passed and the books agree",
  async (seed) => {
    const world = await makeWorld(`seed-${seed}`, seed);
    let over = false;
    const disturbing = disturb(world, seed, () => over);
    await Promise.all(Array.from({ length: ACTORS }, (_, i) => act(world, i, seed + i)));
    over = true;
    await disturbing;
    await core.db.$executeRaw`UPDATE spend SET deadline = now() - interval '1 hour' WHERE state = 'reserved'`;
    while ((await Promise.all([sweepSpend(core.db), sweepSpend(core.db)])).some((swept) => swept > 0));
    expect(await expectBooksToAgree(world)).toBeGreaterThan(200);
    for (const what of ["answered", "died", "released", "estimated", "twice", "killed", "cap", "looked"])
      expect([what, world.seen.get(what) ?? 0]).not.toEqual([what, 0]);
    // One micro-dollar that is missing somewhere would have been noticed.
    await core.db
      .$executeRaw`UPDATE spend SET cost_micro = cost_micro + 1 WHERE id = (SELECT max(id) FROM spend)`;
    await expect(expectBooksToAgree(world)).rejects.toThrow();
  },
  120_000,
);
