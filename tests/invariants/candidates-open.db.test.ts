// What is on its way when a job is split into candidates, or stopped with them: words of people that nobody has read yet,
// and a model call that is answered too late.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { startAgentRun } from "@/server/agents/start-agent-run";
import { steeringFor } from "@/server/agents/steering";
import { takeTurn } from "@/server/agents/take-turn";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { Ended, NotYet } from "@/server/domain/step-outcome";
import type { AgentRun, Job } from "@/server/generated/prisma/client";
import { priceOf } from "@/server/models/prices";
import { candidatesOf, makeCandidates } from "@/server/services/candidates/make-candidates";
import { cancelJob } from "@/server/services/jobs/cancel-job";
import { pauseForBudget, pauseForCandidates } from "@/server/services/jobs/pause-itself";
import { pauseJob } from "@/server/services/jobs/pause-job";
import { reserveSpend } from "@/server/services/spend/reserve-spend";
import { settleSpend } from "@/server/services/spend/settle-spend";
import { sendMessage } from "@/server/services/steering/send-message";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { createRepository } from "@/server/workspaces/repository";
import { withHooks } from "../support/dying-db";
import { HandRunner } from "../support/hand-runner";
import { type ScriptedCore, startScriptedCore } from "../support/scripted-core";
import type { ScriptedModel } from "../support/scripted-model";
import { addWorkers, eventsOf, fileJob, reload } from "../support/settings";

let model: ScriptedModel;
let core: ScriptedCore;
let db: Db;
let ctx: Ctx;
const runners: HandRunner[] = [];

beforeAll(async () => {
  core = await startScriptedCore();
  ({ model, db, ctx } = core);
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  model.asked.length = 0;
});
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.stop();
});

async function claim(): Promise<Job> {
  const [worker = ""] = await addWorkers(db, 1);
  const runner = new HandRunner(db, worker);
  runners.push(runner);
  return runner.claim();
}

async function split(parent: Job): Promise<Job[]> {
  return db.$transaction(async (tx) => {
    const made = await makeCandidates(tx, {
      parent: await tx.job.findUniqueOrThrow({ where: { id: parent.id } }),
      spec: "# Sums\n\n- [ ] Add numbers\n",
      approaches: [],
    });
    await pauseForCandidates(tx, parent, made.length);
    return candidatesOf(tx, parent);
  });
}

async function beginCoder(job: Job): Promise<AgentRun> {
  await createRepository(jobRepository(job.publicId));
  await startAgentRun(db, { job, key: "task-1/coder", role: "coder", first: "Build it.", task: 1 });
  return db.agentRun.findFirstOrThrow({ where: { jobId: job.id } });
}

test("what nobody has read when a job is split is read by each of its candidates, once and in order", async () => {
  await fileJob(ctx, { candidates: 2 });
  const parent = await claim();
  for (const text of ["Use no classes.", "And be quick."])
    await sendMessage({ ctx, input: { id: parent.publicId, text } });
  for (const child of await split(parent)) {
    const said = await steeringFor(db, child, await beginCoder(child), 1);
    expect(said.map(({ author, text }) => [author, text])).toEqual([
      [ctx.actor.username, "Use no classes."],
      [ctx.actor.username, "And be quick."],
    ]);
    const log = await eventsOf(db, child);
    expect(log.filter(({ type }) => type === "steer.sent")).toHaveLength(2);
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, i) => i + 1));
  }
});

test("what candidates come to together is told where the cap is: the alert once, and what is spent of it at the end", async () => {
  await fileJob(ctx, { candidates: 2, budget_usd: 5 });
  const parent = await claim();
  const [first, second] = (await split(parent)) as [Job, Job];
  const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 };
  for (const [job, costMicro] of [
    [first, 700_000n],
    [second, 600_000n],
    [first, 200_000n],
  ] as const) {
    const key = `${job.publicId}/${costMicro}`;
    const call = {
      job,
      key,
      role: "coder" as const,
      provider: "simulation",
      model: "sim-1",
      timeoutMs: 60_000,
    };
    const price = priceOf("simulation", "sim-1");
    await reserveSpend(db, { ...call, price, inputTokens: 1_000, maxTokens: 2_000 });
    await db.$transaction((tx) => settleSpend(tx, { key, usage, costMicro, as: "settled" }));
  }
  const told = async (job: Job, type: string) =>
    (await eventsOf(db, job)).filter((event) => event.type === type).map(({ data }) => data);
  expect(await told(parent, "spend.alert")).toEqual([{ total_usd: 1.3, threshold_usd: 1 }]);
  for (const job of [first, second]) expect(await told(job, "spend.alert")).toEqual([]);
  expect(await told(second, "spend.settled")).toMatchObject([{ cost_usd: 0.6, total_usd: 1.3 }]);
  await db.$transaction((tx) => pauseForBudget(tx, second, "The budget is spent."));
  expect(await told(second, "budget.reached")).toMatchObject([{ cap_usd: 5, spent_usd: 1.5 }]);
  expect((await reload(db, second)).waitingReason).toContain("$1.50 spent");
});

test.each([
  ["stopped", () => cancelJob, Ended],
  ["paused", () => pauseJob, NotYet],
])("a candidate that is %s just before it asks does not ask", async (_name, act, seen) => {
  await fileJob(ctx, { candidates: 2 });
  const parent = await claim();
  await split(parent);
  const candidate = await claim();
  const agentRun = await beginCoder(candidate);
  const ref = { job: candidate.publicId, run: 1 };
  let done = false;
  const by = withHooks(db, async () => {
    if (!done) await act()({ ctx, input: { id: parent.publicId } });
    done = true;
  });
  await expect(takeTurn(by, ref, agentRun.key, 1)).rejects.toBeInstanceOf(NotYet);
  await expect(takeTurn(db, ref, agentRun.key, 1)).rejects.toBeInstanceOf(seen);
  expect(done).toBe(true);
  expect([model.asked.length, await db.spend.count({ where: { rootJobId: parent.id } })]).toEqual([0, 0]);
  expect((await reload(db, parent)).reservedMicroUsd).toBe(0n);
});

test("an answer that comes when its candidate was stopped is paid for by the root, holds nothing and changes nothing", async () => {
  await fileJob(ctx, { candidates: 2 });
  const parent = await claim();
  await split(parent);
  const candidate = await claim();
  const agentRun = await beginCoder(candidate);
  model.script = [
    async () => {
      expect((await reload(db, parent)).reservedMicroUsd).toBeGreaterThan(0n);
      await cancelJob({ ctx, input: { id: parent.publicId } });
      return { calls: [{ name: "write", input: { path: "a.txt", content: "too late\n" } }] };
    },
  ];
  const turn = () => takeTurn(db, { job: candidate.publicId, run: 1 }, agentRun.key, 1);
  await expect(turn()).rejects.toBeInstanceOf(NotYet);
  await expect(turn()).rejects.toBeInstanceOf(Ended);
  const [spend, ...more] = await db.spend.findMany({ where: { rootJobId: parent.id } });
  expect([spend?.state, more]).toEqual(["settled", []]);
  expect(spend?.costMicro).toBeGreaterThan(0n);
  const [root, child] = [await reload(db, parent), await reload(db, candidate)];
  expect([root.spentMicroUsd, root.reservedMicroUsd]).toEqual([spend?.costMicro, 0n]);
  expect(child).toMatchObject({ state: "cancelled", spentMicroUsd: spend?.costMicro, headCommit: null });
  expect(await db.agentRun.findFirst({ where: { jobId: candidate.id } })).toMatchObject({ state: "failed" });
  expect(model.asked).toHaveLength(1);
});
