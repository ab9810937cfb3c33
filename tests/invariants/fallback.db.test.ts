// J10: a model that is away is stood in for by the one that is configured, at the same turn, once, and for all to see;
// every second try at the same thing is the other model's.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startAgentRun } from "@/server/agents/start-agent-run";
import { takeTurn } from "@/server/agents/take-turn";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { NotYet } from "@/server/domain/step-outcome";
import type { Job } from "@/server/generated/prisma/client";
import { modelsFor } from "@/server/models/choose-model";
import { candidatesOf, makeCandidates } from "@/server/services/candidates/make-candidates";
import { resumeJob } from "@/server/services/jobs/resume-job";
import { sweepSpend } from "@/server/services/spend/sweep-spend";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { createRepository } from "@/server/workspaces/repository";
import { withHooks } from "../support/dying-db";
import { HandRunner } from "../support/hand-runner";
import { patiently } from "../support/patient";
import { ScriptedModel } from "../support/scripted-model";
import { ScriptedOllama } from "../support/scripted-ollama";
import { addTeam, addWorkers, type Core, eventsOf, fileJob, reload, startCore } from "../support/settings";

const KEY = "task-1/coder";
const CLAUDE = "anthropic/claude-sonnet-5-5";
const QWEN = "ollama/qwen";
let claude: ScriptedModel;
let qwen: ScriptedOllama;
let core: Core;
let db: Db;
let ctx: Ctx;
let job: Job;
let runner: HandRunner;

beforeAll(async () => {
  [claude, qwen] = await Promise.all([ScriptedModel.start(), ScriptedOllama.start()]);
  core = await startCore({
    ANTHROPIC_API_KEY: "test",
    ANTHROPIC_BASE_URL: claude.url,
    OLLAMA_HOST: qwen.url,
    FALLBACK_MODELS: "tester=simulation/sim-1,*=ollama/of-the-factory",
  });
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterAll(async () => {
  await core.close();
  await Promise.all([claude.close(), qwen.close()]);
});
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  claude.asked.length = 0;
  qwen.asked.length = 0;
  qwen.script = [{ text: "Here I am instead." }];
});
afterEach(() => runner?.stop());

async function begin(input: Record<string, unknown> = {}, attempt = 1): Promise<void> {
  await fileJob(ctx, { models: { coder: CLAUDE }, fallback_models: { coder: QWEN }, ...input });
  const [worker] = await addWorkers(db, 1);
  runner = new HandRunner(db, worker as string);
  job = await runner.claim();
  await createRepository(jobRepository(job.publicId));
  await startAgentRun(db, { job, key: KEY, role: "coder", first: "Build it.", task: 1, attempt });
  runner.serve();
}
const turn = (n: number, by: Db = db) => patiently(() => takeTurn(by, { job: job.publicId, run: 1 }, KEY, n));
const waits = async (n: number, by: Db = db): Promise<NotYet["on"]> => {
  const error = await turn(n, by).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof NotYet)) throw error ?? new Error("the turn was taken");
  return error.on;
};
const agentRun = () => db.agentRun.findFirstOrThrow({ where: { jobId: job.id } });
const spends = () => db.spend.findMany({ where: { jobId: job.id }, orderBy: { id: "asc" } });
const told = async (type: string) => (await eventsOf(db, job)).filter((event) => event.type === type);
const write = (path: string) => ({ name: "write", input: { path, content: `${path}\n` } });

async function expectSumsToAgree(): Promise<void> {
  const [paid, run, now] = await Promise.all([spends(), agentRun(), reload(db, job)]);
  const cost = paid.reduce((sum, one) => sum + one.costMicro, 0n);
  expect([run.spentMicroUsd, now.spentMicroUsd, now.reservedMicroUsd]).toEqual([cost, cost, 0n]);
}

describe("a model that stays away", () => {
  test("is stood in for at the same turn, after its tries", async () => {
    await begin();
    claude.script = [{ thinking: "A file.", text: "One.", calls: [write("a.txt")] }, { status: 529 }];
    await turn(1);
    const kinds = [];
    for (let i = 0; i < 4; i++) kinds.push((await waits(2)).kind);
    expect(kinds).toEqual(["later", "later", "later", "later"]);
    expect([claude.asked.length, qwen.asked.length]).toEqual([5, 0]);
    expect(await agentRun()).toMatchObject({ provider: "ollama", model: "qwen", switchedFrom: CLAUDE });
    expect(await told("model.fallback")).toMatchObject([
      {
        data: {
          agent_run: KEY,
          turn: 2,
          from: CLAUDE,
          to: QWEN,
          reason: expect.stringContaining("overloaded"),
        },
      },
    ]);
    expect(await told("model.waiting")).toHaveLength(3);
    await turn(2);
    await turn(3);
    expect([claude.asked.length, qwen.asked.length]).toEqual([5, 2]);
    const rows = await db.turn.findMany({ where: { agentRun: { jobId: job.id } }, orderBy: { n: "asc" } });
    expect(rows.map(({ provider, model }) => `${provider}/${model}`)).toEqual([CLAUDE, QWEN, QWEN]);
    expect((await spends()).map((one) => [one.provider, one.turn, one.state])).toEqual([
      ["anthropic", 1, "settled"],
      ...[1, 2, 3, 4].map(() => ["anthropic", 2, "released"]),
      ["ollama", 2, "settled"],
      ["ollama", 3, "settled"],
    ]);
    await expectSumsToAgree();
  });

  test("gives what was said and done, and not what it thought", async () => {
    await begin();
    claude.script = [
      { thinking: "A secret thought.", text: "One.", calls: [write("a.txt")] },
      { status: 401 },
    ];
    await turn(1);
    await waits(2);
    await turn(2);
    const asked = JSON.stringify(qwen.asked[0]);
    for (const part of ["Build it.", "One.", "a.txt"]) expect(asked).toContain(part);
    for (const part of ["secret thought", "signed:", "redacted_thinking"]) expect(asked).not.toContain(part);
  });

  test.each([
    ["its quota is back in an hour", { status: 429, retryAfter: 3_600 }],
    ["it refuses the key", { status: 401 }],
    ["it does not know the model", { status: 404 }],
  ])("because %s: at once", async (_why, said) => {
    await begin();
    claude.script = [said];
    expect(await waits(1)).toMatchObject({ kind: "later" });
    await turn(1);
    expect([claude.asked.length, qwen.asked.length]).toEqual([1, 1]);
    expect(await told("model.fallback")).toHaveLength(1);
  });

  test("for a moment only is waited for", async () => {
    await begin();
    claude.script = [{ status: 429, retryAfter: 30 }, { text: "There again." }];
    expect(await waits(1)).toEqual({ kind: "later", ms: 30_000 });
    await turn(1);
    expect(qwen.asked).toHaveLength(0);
    expect(await agentRun()).toMatchObject({ provider: "anthropic", switchedFrom: null });
  });

  test("together with the one that stands in pauses the job, which then asks the first again", async () => {
    await begin();
    claude.script = [{ status: 401 }];
    qwen.script = [{ status: 404 }];
    expect((await waits(1)).kind).toBe("later");
    expect(await waits(1)).toEqual({ kind: "paused" });
    expect(await reload(db, job)).toMatchObject({
      state: "paused",
      waitingCode: "quota",
      waitingReason: expect.stringContaining(`${CLAUDE} and ${QWEN} are away`),
    });
    expect(await agentRun()).toMatchObject({
      provider: "anthropic",
      model: "claude-sonnet-5-5",
      switchedFrom: null,
    });
    await resumeJob({ ctx, input: { id: job.publicId } });
    await runner.stop();
    const [worker] = await addWorkers(db, 1);
    runner = new HandRunner(db, worker as string);
    await runner.claim();
    runner.serve();
    claude.script = [{ text: "There again." }];
    expect(await turn(1)).toEqual({ finished: false });
    expect(claude.asked).toHaveLength(2);
    await expectSumsToAgree();
  });

  test("is paid once and switched once, wherever the process dies in between", async () => {
    for (let at = 0; at < 12; at++) {
      await begin();
      claude.asked.length = 0;
      claude.script = [{ status: 401 }];
      let died = false;
      const dying = withHooks(
        db,
        () => undefined,
        (count) => {
          if (count !== at) return;
          died = true;
          throw new Error("the process died");
        },
      );
      await turn(1, dying).catch(() => undefined);
      for (
        let tries = 0;
        tries < 6 && (await db.turn.count({ where: { agentRun: { jobId: job.id } } })) === 0;
        tries++
      )
        await turn(1).catch(() => undefined);
      expect(await told("model.fallback")).toHaveLength(1);
      expect((await spends()).filter((one) => one.state === "settled")).toHaveLength(1);
      expect((await spends()).at(-1)).toMatchObject({ provider: "ollama", state: "settled" });
      await runner.stop();
      if (!died) return;
      await db.job.updateMany({ data: { claimable: false } });
    }
    throw new Error("it never came to an end without dying");
  });
});

describe("a process that dies between an answer and its storing", () => {
  test("has lost the answer: the call is charged as reserved, the turn asked once more and never again", async () => {
    await begin();
    claude.script = [{ text: "Lost." }, { text: "Stored." }];
    let died = false;
    const dying = withHooks(db, () => {
      if (died || claude.asked.length === 0) return;
      died = true;
      throw new Error("the process died");
    });
    await expect(turn(1, dying)).rejects.toThrow("the process died");
    await turn(1);
    await turn(1);
    expect(claude.asked).toHaveLength(2);
    await db.$executeRaw`UPDATE spend SET deadline = now() - interval '1 hour' WHERE job_id = ${job.id} AND state = 'reserved'`;
    await sweepSpend(db);
    const paid = await spends();
    expect(paid.map(({ state, turn: n }) => [state, n])).toEqual([
      ["estimated", 1],
      ["settled", 1],
    ]);
    expect(paid[0]?.costMicro).toBe(paid[0]?.reservedMicro);
    await expectSumsToAgree();
  });
});

describe("which model stands in", () => {
  const otherOf = async (role: "coder" | "tester" | "fixer", input: Record<string, unknown>) => {
    const filed = await fileJob(ctx, input);
    await startAgentRun(db, { job: filed, key: "try-2", role, first: "x", task: null, attempt: 2 });
    const run = await db.agentRun.findFirstOrThrow({ where: { jobId: filed.id } });
    return `${run.provider}/${run.model}`;
  };

  test("is the job's, else the factory's for the role, else its for all", async () => {
    expect(await otherOf("coder", { fallback_models: { coder: QWEN } })).toBe(QWEN);
    expect(await otherOf("tester", { fallback_models: { coder: QWEN } })).toBe("simulation/sim-1");
    expect(await otherOf("fixer", {})).toBe("ollama/of-the-factory");
  });

  test("is asked first by every second candidate, whoever named it", async () => {
    const parent = await fileJob(ctx, { candidates: 2, fallback_models: { coder: QWEN } });
    await db.$transaction((tx) => makeCandidates(tx, { parent, spec: "# Plan", approaches: [] }));
    const made = await candidatesOf(db, parent);
    const asked = (role: "coder" | "fixer") =>
      made.map((child) => {
        const { first, second } = modelsFor(role, child);
        return [first.model, second?.model];
      });
    expect(asked("coder")).toEqual([
      ["claude-sonnet-4-6", "qwen"],
      ["qwen", "claude-sonnet-4-6"],
    ]);
    expect(asked("fixer")).toEqual([
      ["claude-sonnet-4-6", "of-the-factory"],
      ["of-the-factory", "claude-sonnet-4-6"],
    ]);
  });

  test("is none when it is the first one itself", async () => {
    expect(await otherOf("coder", { models: { coder: QWEN }, fallback_models: { coder: QWEN } })).toBe(QWEN);
    await db.job.updateMany({ data: { claimable: false } });
    await begin({ models: { coder: CLAUDE }, fallback_models: { coder: CLAUDE } });
    claude.script = [{ status: 401 }];
    await expect(turn(1)).rejects.toMatchObject({ code: "model_refused" });
  });

  test("takes every second try at the same thing, and is then stood in for by the first", async () => {
    await begin({}, 2);
    expect(await agentRun()).toMatchObject({ provider: "ollama", model: "qwen", switchedFrom: null });
    qwen.script = [{ status: 404 }];
    claude.script = [{ text: "Here." }];
    await waits(1);
    await turn(1);
    expect([qwen.asked.length, claude.asked.length]).toEqual([1, 1]);
    expect(await told("model.fallback")).toMatchObject([{ data: { from: QWEN, to: CLAUDE } }]);
  });
});
