import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import type { Job } from "@/server/generated/prisma/client";
import { moveJob } from "@/server/services/jobs/move-job";
import { listTurns } from "@/server/services/transcripts/list-turns";
import { addTeam, type Core, fileJob, startCore } from "../../../tests/support/settings";
import { sweepRetention } from "./sweep-retention";

const DAYS = { output: 30, transcript: 90 };
let core: Core;
let db: Db;
let ctx: Ctx;

beforeAll(async () => {
  core = await startCore();
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.updateMany({ data: { completedAt: null } });
  await db.$executeRaw`UPDATE retention_mark SET completed_at = 'epoch', job_id = 0`;
});

/** A job with a command, its output, an agent run and a turn, that ended some days ago. */
async function ended(daysAgo: number): Promise<Job> {
  const job = await fileJob(ctx);
  const result = { exit_code: 1, stdout: "printed", stderr: "warned", failure: null };
  const spec = { kind: "exec", argv: ["cat"], stdin: "what is written" };
  await db.command.create({
    data: {
      id: `c-${job.id}`,
      jobId: job.id,
      run: 1,
      key: "k",
      spec,
      result,
      state: "finished",
      heldStdout: "rest",
    },
  });
  await db.jobEvent.create({
    data: {
      jobId: job.id,
      seq: 900,
      run: 1,
      type: "command.output",
      data: { command_id: "c", stream: "stdout", text: "printed" },
    },
  });
  const said = { agent_run: "k", turn: 1, text: "said" };
  await db.jobEvent.create({ data: { jobId: job.id, seq: 901, run: 1, type: "agent.text", data: said } });
  const usage = { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 };
  const turns = {
    n: 1,
    answer: {
      text: "said",
      calls: [{ id: "c", name: "run", input: { command: "ls" } }],
      stop: "tool",
      usage,
      model: "m",
    },
    usage,
    costMicroUsd: 7n,
    modelMs: 5,
    observations: [{ callId: "c", content: "seen", isError: false }],
    nudge: "Hurry.",
  };
  const prompt = { system: "s", first: "f", tools: [], forceTool: null, maxTurns: 4 };
  await db.agentRun.create({
    data: {
      jobId: job.id,
      run: 1,
      key: "k",
      role: "coder",
      provider: "simulation",
      model: "m",
      prompt,
      result: { summary: "done" },
      turnRows: { create: turns },
    },
  });
  await db.$executeRaw`UPDATE job SET completed_at = now() - make_interval(days => ${daysAgo}::int) WHERE id = ${job.id}`;
  return job;
}

const commandOf = (job: Job) => db.command.findFirstOrThrow({ where: { jobId: job.id } });
const turnOf = (job: Job) => db.turn.findFirstOrThrow({ where: { agentRun: { jobId: job.id } } });
const printed = async (job: Job) => ((await commandOf(job)).result as { stdout: string }).stdout !== "";
const told = async (job: Job) =>
  (await turnOf(job)).observations !== null && ((await turnOf(job)).answer as { text: string }).text !== "";

describe("texts of jobs that ended long ago", () => {
  test("are removed after their days, each kind by itself, and not a day sooner", async () => {
    const [young, middle, old] = [await ended(29), await ended(31), await ended(91)];
    expect(await sweepRetention(db, DAYS)).toBe(3);
    expect([await printed(young), await printed(middle), await printed(old)]).toEqual([true, false, false]);
    expect([await told(young), await told(middle), await told(old)]).toEqual([true, true, false]);
  });

  test("leave figures, results and events behind", async () => {
    const job = await ended(100);
    await sweepRetention(db, DAYS);
    const command = await commandOf(job);
    expect(command.result).toMatchObject({ exit_code: 1, stdout: "", stderr: "" });
    expect(command).toMatchObject({ spec: { argv: ["cat"], stdin: "" }, heldStdout: "" });
    expect(await turnOf(job)).toMatchObject({
      costMicroUsd: 7n,
      modelMs: 5,
      observations: [],
      usage: { output: 2 },
    });
    const event = await db.jobEvent.findFirstOrThrow({ where: { jobId: job.id, type: "command.output" } });
    expect(event.data).toEqual({ command_id: "c", stream: "stdout", text: "" });
    const words = await db.jobEvent.findFirstOrThrow({ where: { jobId: job.id, type: "agent.text" } });
    expect(words.data).toEqual({ agent_run: "k", turn: 1, text: "" });
    expect(await db.agentRun.findFirstOrThrow({ where: { jobId: job.id } })).toMatchObject({
      result: { summary: "done" },
    });
    const page = await listTurns({ ctx, input: { id: job.publicId, key: "k", cursor: 0, limit: 10 } });
    expect(page).toMatchObject({
      prompt: null,
      turns: [{ text: "", calls: [], results: [], expired: true, cost_usd: 0.000007 }],
    });
  });

  test("are gone through once, by two processes as by one", async () => {
    const jobs: Job[] = [];
    for (let i = 0; i < 25; i++) jobs.push(await ended(40));
    const counts = await Promise.all([sweepRetention(db, DAYS), sweepRetention(db, DAYS)]);
    expect(counts[0] + counts[1] + (await sweepRetention(db, DAYS))).toBe(25);
    for (const job of jobs) expect(await printed(job)).toBe(false);
    expect(await sweepRetention(db, DAYS)).toBe(0);
  });

  test("of a job that does not end stay, and of one that ended again count from then", async () => {
    const job = await ended(400);
    await db.job.update({ where: { id: job.id }, data: { completedAt: null } });
    expect(await sweepRetention(db, DAYS)).toBe(0);
    expect(await told(job)).toBe(true);
    await db.$executeRaw`UPDATE retention_mark SET completed_at = now() - interval '35 days'`;
    await db.$executeRaw`UPDATE job SET completed_at = now() - interval '31 days' WHERE id = ${job.id}`;
    expect(await sweepRetention(db, DAYS)).toBe(1);
    expect([await printed(job), await told(job)]).toEqual([false, true]);
  });

  test("which a person cancels have an end as well", async () => {
    const job = await fileJob(ctx);
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "cancel", actor: "ana" }));
    expect((await db.job.findUniqueOrThrow({ where: { id: job.id } })).completedAt).not.toBeNull();
  });
});
