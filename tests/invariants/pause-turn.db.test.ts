// A person pauses a job in the middle of a turn: it rests at the next safe point holding nothing, and goes on where it
// was with nothing lost and nothing paid twice.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startAgentRun } from "@/server/agents/start-agent-run";
import { takeTurn } from "@/server/agents/take-turn";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import type { Job } from "@/server/generated/prisma/client";
import { stepBody } from "@/server/loop/step-body";
import { pauseJob } from "@/server/services/jobs/pause-job";
import { resumeJob } from "@/server/services/jobs/resume-job";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { readTree } from "@/server/workspaces/read-files";
import { createRepository } from "@/server/workspaces/repository";
import { driveStep } from "../support/drive-step";
import { withHooks } from "../support/dying-db";
import { HandRunner } from "../support/hand-runner";
import { type ScriptedCore, startScriptedCore } from "../support/scripted-core";
import type { ScriptedModel } from "../support/scripted-model";
import { addWorkers, eventsOf, fileJob, reload } from "../support/settings";

const KEY = "task-1/coder";
let model: ScriptedModel;
let core: ScriptedCore;
let db: Db;
let ctx: Ctx;
let job: Job;
let workers: string[];
const runners: HandRunner[] = [];

beforeAll(async () => {
  core = await startScriptedCore();
  ({ model, db, ctx } = core);
});
afterAll(() => core.close());
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.stop();
});
const write = (path: string) => ({ name: "write", input: { path, content: `${path}\n` } });
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  workers = await addWorkers(db, 2);
  await fileJob(ctx, { models: { coder: "anthropic/claude-sonnet-5-5" } });
  await claim(0);
  await createRepository(jobRepository(job.publicId));
  await startAgentRun(db, { job, key: KEY, role: "coder", first: "Build it.", task: 1 });
  model.asked.length = 0;
  model.script = [{ calls: [write("a.txt"), write("b.txt")] }, { calls: [write("c.txt")] }];
});

async function claim(index: number): Promise<HandRunner> {
  const runner = new HandRunner(db, workers[index] as string);
  runners.push(runner);
  job = await runner.claim();
  return runner;
}
const turn = (n: number, by: Db = db) => takeTurn(by, { job: job.publicId, run: 1 }, KEY, n);
const pause = () => pauseJob({ ctx, input: { id: job.publicId } });

/** It rests, goes on with another worker, and comes to what it would have come to. */
async function goOn(): Promise<void> {
  expect(await reload(db, job)).toMatchObject({
    state: "paused",
    resumeState: "running",
    leaseWorkerId: null,
    leaseUntil: null,
    claimable: false,
  });
  const asked = model.asked.length;
  await expect(turn(2)).rejects.toMatchObject({ on: { kind: "paused" } });
  expect(model.asked.length).toBe(asked);
  await resumeJob({ ctx, input: { id: job.publicId } });
  (await claim(1)).serve();
  for (const n of [1, 2]) expect(await driveStep(() => turn(n))).toEqual({ finished: false });
  const { headCommit, reservedMicroUsd } = await reload(db, job);
  const files = await readTree(jobRepository(job.publicId), headCommit ?? "");
  expect(files.map(({ path }) => path)).toEqual(["a.txt", "b.txt", "c.txt"]);
  expect(model.asked).toHaveLength(2);
  const spends = await db.spend.findMany({ where: { jobId: job.id } });
  expect([spends.map(({ state }) => state), reservedMicroUsd]).toEqual([["settled", "settled"], 0n]);
  const turns = await db.turn.findMany({ where: { agentRun: { jobId: job.id } }, orderBy: { n: "asc" } });
  expect(turns.map(({ n, finishedAt }) => [n, finishedAt !== null])).toEqual([
    [1, true],
    [2, true],
  ]);
  const log = (await eventsOf(db, job)).map(({ type }) => type);
  expect(log.filter((type) => type === "workspace.committed")).toHaveLength(2);
}

test("a pause while an agent comes to its end ends nothing: the job does when it goes on", async () => {
  model.script = [
    async () => {
      await pause();
      return { status: 400 };
    },
    { status: 400 },
  ];
  const ref = { job: job.publicId, run: 1 };
  const step = () => stepBody(ref, (at) => takeTurn(at, ref, KEY, 1));
  expect(await step()).toEqual({ s: "paused" });
  expect(await step()).toEqual({ s: "paused" });
  expect(await reload(db, job)).toMatchObject({ state: "paused", errorCode: null });
  await resumeJob({ ctx, input: { id: job.publicId } });
  await claim(1);
  expect(await step()).toEqual({ s: "ended" });
  expect(await reload(db, job)).toMatchObject({ state: "failed", errorCode: "model_refused" });
});

describe("a pause in mid-turn", () => {
  test.each([0, 1, 2, 3, 4, 5])("ahead of write %d of the turn", async (at) => {
    runners[0]?.serve();
    let paused = false;
    const by = withHooks(db, async (count) => {
      if (count !== at) return;
      paused = true;
      await pause();
    });
    // What is there already is finished; what is not waits for the job to go on.
    await driveStep(async () => (paused ? undefined : turn(1, by))).catch(() => undefined);
    if (!paused) await pause();
    await goOn();
  });

  test.each([0, 1, 2])("ahead of command %d of the turn", async (at) => {
    let seen = 0;
    runners[0]?.serve(async () => {
      if (seen++ === at) await pause();
      return true;
    });
    await driveStep(async () => ((await reload(db, job)).state === "paused" ? undefined : turn(1)));
    await goOn();
  });
});
