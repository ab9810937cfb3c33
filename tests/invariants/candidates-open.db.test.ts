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
import { makeCandidates } from "@/server/services/candidates/make-candidates";
import { cancelJob } from "@/server/services/jobs/cancel-job";
import { pauseForCandidates } from "@/server/services/jobs/pause-itself";
import { sendMessage } from "@/server/services/steering/send-message";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { createRepository } from "@/server/workspaces/repository";
import { HandRunner } from "../support/hand-runner";
import { ScriptedModel } from "../support/scripted-model";
import { addTeam, addWorkers, type Core, eventsOf, fileJob, reload, startCore } from "../support/settings";

let model: ScriptedModel;
let core: Core;
let db: Db;
let ctx: Ctx;
const runners: HandRunner[] = [];

beforeAll(async () => {
  model = await ScriptedModel.start();
  core = await startCore({ ANTHROPIC_API_KEY: "test", ANTHROPIC_BASE_URL: model.url });
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterAll(async () => {
  await core.close();
  await model.close();
});
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
    return made;
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
