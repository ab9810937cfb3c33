// Invariants 3 and 8: an answer is stored before it is acted upon; observations and commit move together; whatever
// dies in between, a turn is paid once and committed once.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startAgentRun } from "@/server/agents/start-agent-run";
import { takeTurn } from "@/server/agents/take-turn";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { Ended, GiveUp, NotYet } from "@/server/domain/step-outcome";
import type { Job } from "@/server/generated/prisma/client";
import { moveJob } from "@/server/services/jobs/move-job";
import { resumeJob } from "@/server/services/jobs/resume-job";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { readTree } from "@/server/workspaces/read-files";
import { createRepository } from "@/server/workspaces/repository";
import { withHooks } from "../support/dying-db";
import { HandRunner } from "../support/hand-runner";
import { patiently } from "../support/patient";
import { type ScriptedCore, startScriptedCore } from "../support/scripted-core";
import type { ScriptedModel } from "../support/scripted-model";
import { addWorkers, eventsOf, expireLease, fileJob, reload } from "../support/settings";

const KEY = "task-1/coder";
let model: ScriptedModel;
let core: ScriptedCore;
let db: Db;
let ctx: Ctx;
let workers: string[];
let job: Job;
const runners: HandRunner[] = [];

beforeAll(async () => {
  core = await startScriptedCore();
  ({ model, db, ctx } = core);
});
afterAll(() => core.close());
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.stop();
});
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  model.asked.length = 0;
  workers = await addWorkers(db, 2);
});

const runnerOf = (index: number): HandRunner => {
  const runner = new HandRunner(db, workers[index] as string);
  runners.push(runner);
  return runner;
};
async function begin(input: Record<string, unknown> = {}): Promise<HandRunner> {
  await fileJob(ctx, { models: { coder: "anthropic/claude-sonnet-5-5" }, ...input });
  const runner = runnerOf(0);
  job = await runner.claim();
  await createRepository(jobRepository(job.publicId));
  await startAgentRun(db, { job, key: KEY, role: "coder", first: "Build it.", task: 1 });
  return runner;
}
const turn = (n: number, by: Db = db) => patiently(() => takeTurn(by, { job: job.publicId, run: 1 }, KEY, n));
const rows = () => db.turn.findMany({ where: { agentRun: { jobId: job.id } }, orderBy: { n: "asc" } });
const spends = () => db.spend.findMany({ where: { jobId: job.id }, orderBy: { id: "asc" } });
const write = (path: string, content = `${path}\n`) => ({ name: "write", input: { path, content } });
const filesAt = async (commit: string | null) =>
  commit ? (await readTree(jobRepository(job.publicId), commit)).map((file) => file.path) : [];
const thrownBy = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

/** Takes the turn as the engine does: again from the top until it has a value. */
async function drive(n: number, by: () => Db = () => db): Promise<{ finished: boolean; tries: number }> {
  for (let tries = 1; tries < 30; tries++) {
    try {
      return { ...(await turn(n, by())), tries };
    } catch (error) {
      if (!(error instanceof NotYet || String(error).includes("the process died"))) throw error;
    }
  }
  throw new Error("the turn never came to its end");
}

describe("a turn", () => {
  test("stores the answer before it acts on it, and what came of it together with the commit", async () => {
    const runner = await begin();
    model.script = [{ text: "Two files.", calls: [write("a.txt"), write("b.txt")] }];
    const during: unknown[] = [];
    runner.serve(async ({ spec }) => {
      const [row] = await rows();
      during.push({
        kind: spec.kind,
        answered: row?.answer !== undefined,
        finished: row?.finishedAt !== null,
        head: (await reload(db, job)).headCommit,
      });
      return true;
    });
    expect(await turn(1)).toEqual({ finished: false });
    const [row] = await rows();
    const { headCommit } = await reload(db, job);
    expect(row).toMatchObject({ commit: headCommit, finishedAt: expect.any(Date) });
    expect(await filesAt(headCommit)).toEqual(["a.txt", "b.txt"]);
    expect(during[0]).toEqual({
      kind: "exec",
      answered: true,
      finished: false,
      head: null,
    });
  });

  test("that is there already is not taken again", async () => {
    (await begin()).serve();
    model.script = [{ calls: [write("a.txt")] }];
    await turn(1);
    const before = [await rows(), await spends(), await eventsOf(db, job)];
    expect(await turn(1)).toEqual({ finished: false });
    expect([await rows(), await spends(), await eventsOf(db, job)]).toEqual(before);
    expect(model.asked).toHaveLength(1);
  });

  test("taken by two at once is asked, paid and finished once", async () => {
    (await begin()).serve();
    model.script = [{ calls: [write("a.txt")] }];
    await Promise.allSettled([drive(1), drive(1)]);
    await drive(1);
    expect(await rows()).toHaveLength(1);
    expect(model.asked).toHaveLength(1);
    expect((await spends()).map((spend) => spend.state)).toEqual(["settled"]);
    const log = await eventsOf(db, job);
    expect(log.filter((event) => event.type === "workspace.committed")).toHaveLength(1);
    expect(log.filter((event) => event.type === "agent.call")).toHaveLength(1);
  });
});

describe("a worker that is lost in the middle of a turn", () => {
  test.each([0, 1, 2])(
    "after %d commands: the calls run again, the answer is not paid again",
    async (survives) => {
      const first = await begin();
      model.script = [{ calls: [write("kept.txt")] }];
      let seen = 0;
      let dying: () => void = () => undefined;
      const died = new Promise<void>((resolve) => {
        dying = resolve;
      });
      first.serve(() => {
        if (model.asked.length < 2 || seen++ < survives) return true;
        dying();
        return false;
      });
      await turn(1);
      const { headCommit } = await reload(db, job);
      model.script = [{ calls: [write("a.txt"), write("b.txt")] }];
      const cut = thrownBy(takeTurn(db, { job: job.publicId, run: 1 }, KEY, 2));
      await died;
      await expireLease(db, job);
      await sweepLeases(db, 120);
      expect((await reload(db, job)).headCommit).toBe(headCommit);
      const second = runnerOf(1);
      const claimed = await second.claim();
      second.serve();
      expect(await cut).toBeInstanceOf(NotYet);
      expect(await drive(2)).toMatchObject({ finished: false });
      const [, row] = await rows();
      expect(row).toMatchObject({ attempt: 1, fence: claimed.fence });
      expect((await reload(db, job)).headCommit).toBe(row?.commit);
      expect(await filesAt(row?.commit ?? null)).toEqual(["a.txt", "b.txt", "kept.txt"]);
      expect(model.asked).toHaveLength(2);
      expect((await spends()).map((spend) => spend.state)).toEqual(["settled", "settled"]);
      expect(second.seen.filter(({ spec }) => spec.kind === "exec")).toHaveLength(2);
    },
  );

  test("cannot slip a result in under the old lease", async () => {
    (await begin()).serve();
    model.script = [{ calls: [write("a.txt")] }];
    // The lease changes hands between the last command and the storing of the turn.
    let once = false;
    const by = withHooks(db, async (count) => {
      if (once || count < 1 || (await db.command.count({ where: { jobId: job.id, state: "finished" } })) < 2)
        return;
      once = true;
      await expireLease(db, job);
      await sweepLeases(db, 120);
      const second = runnerOf(1);
      await second.claim();
      second.serve();
    });
    expect(await thrownBy(turn(1, by))).toBeInstanceOf(NotYet);
    expect(once).toBe(true);
    expect((await reload(db, job)).headCommit).toBeNull();
    expect((await rows())[0]?.finishedAt).toBeNull();
    await drive(1);
    expect((await rows())[0]).toMatchObject({ attempt: 1, commit: (await reload(db, job)).headCommit });
    expect(model.asked).toHaveLength(1);
  });
});

describe("a process that dies between any two transactions", () => {
  const points = [0, 1, 2, 3].flatMap((at) =>
    (["before", "after"] as const).map((side) => [side, at] as const),
  );
  test.each(points)("%s number %d pays once and commits once", async (side, at) => {
    (await begin()).serve();
    model.script = [{ text: "One file.", calls: [write("a.txt"), write("../no")] }];
    const die = (count: number) => {
      if (count === at) throw new Error("the process died");
    };
    let first = true;
    const { tries } = await drive(1, () => {
      if (!first) return db;
      first = false;
      return side === "before"
        ? withHooks(db, async (count) => die(count))
        : withHooks(db, async () => undefined, die);
    });
    expect(tries).toBeGreaterThan(1);
    const [row, ...more] = await rows();
    expect(more).toEqual([]);
    expect(row).toMatchObject({ attempt: 0, commit: (await reload(db, job)).headCommit });
    const paid = await spends();
    expect(paid.filter((spend) => spend.state === "settled")).toHaveLength(1);
    // A call of which nobody knows whether it was made stays reserved until it is charged as estimated.
    expect(paid.length).toBe(model.asked.length + (side === "after" && at === 0 ? 1 : 0));
    const log = await eventsOf(db, job);
    const count = (type: string) => log.filter((event) => event.type === type).length;
    expect([count("agent.call"), count("agent.text"), count("workspace.committed")]).toEqual([2, 1, 1]);
    expect([count("agent.observed"), count("command.started")]).toEqual([2, 2]);
    const total = paid.reduce((sum, spend) => sum + spend.costMicro, 0n);
    expect((await reload(db, job)).spentMicroUsd).toBe(total);
  });
});

describe("a whole agent run of the simulation", () => {
  test("ends, and its sums, its commit and its log agree", async () => {
    (await begin({ title: "Blog", features: ["Posts"], models: { coder: "simulation/sim-1" } })).serve();
    const task = { n: 1, of: 1, title: "Posts" };
    const first = `<job>${JSON.stringify({ title: "Blog", description: "Blog", features: ["Posts"], stack: ["node"], toolchains: ["node"] })}</job>\n<task>${JSON.stringify(task)}</task>\n<files></files>`;
    await db.agentRun.updateMany({
      where: { jobId: job.id },
      data: { prompt: { ...(await promptOf()), first } },
    });
    let n = 1;
    while (!(await drive(n)).finished) n++;
    const run = await db.agentRun.findFirstOrThrow({ where: { jobId: job.id } });
    const turns = await rows();
    const now = await reload(db, job);
    expect(run).toMatchObject({ state: "finished", turns: n });
    const cost = turns.reduce((sum, one) => sum + one.costMicroUsd, 0n);
    expect(cost).toBeGreaterThan(0n);
    expect([run.spentMicroUsd, now.spentMicroUsd, now.reservedMicroUsd]).toEqual([cost, cost, 0n]);
    expect((await spends()).reduce((sum, one) => sum + one.costMicro, 0n)).toBe(cost);
    expect(now.headCommit).toBe(turns.findLast((one) => one.commit)?.commit);
    expect((await filesAt(now.headCommit)).length).toBeGreaterThan(2);
  });

  const promptOf = async () =>
    (await db.agentRun.findFirstOrThrow({ where: { jobId: job.id } })).prompt as Record<string, unknown>;
});

describe("a model that gives no answer", () => {
  test.each([
    ["quota", { status: 429 }, "released"],
    ["overloaded", { status: 529 }, "released"],
    ["the line cut in the middle", { calls: [write("a")], cut: true }, "settled"],
    ["no word whether it was charged", { silent: true }, "estimated"],
  ])("%s: waits, counts what it may have cost, and asks again", async (_name, said, state) => {
    await begin();
    model.script = [said];
    const error = await thrownBy(turn(1));
    expect(error).toBeInstanceOf(NotYet);
    expect((error as NotYet).on).toMatchObject({ kind: "later", ms: expect.any(Number) });
    const [spend] = await spends();
    expect(spend).toMatchObject({ state });
    if (state === "released") expect(spend?.costMicro).toBe(0n);
    else expect(spend?.costMicro).toBeGreaterThan(0n);
    if (state === "estimated") expect(spend?.costMicro).toBe(spend?.reservedMicro);
    const log = await eventsOf(db, job);
    expect(log.filter((event) => event.type === "model.waiting")).toHaveLength(1);
    expect((await reload(db, job)).state).toBe("running");
    model.script = [{ text: "here I am" }];
    expect(await turn(1)).toEqual({ finished: false });
    expect((await reload(db, job)).reservedMicroUsd).toBe(0n);
  });

  test("because the request is wrong is not asked again", async () => {
    await begin();
    model.script = [{ status: 400 }];
    const error = await thrownBy(turn(1));
    expect(error).toBeInstanceOf(GiveUp);
    expect(error).toMatchObject({ code: "model_refused" });
    expect((await spends()).map((spend) => spend.state)).toEqual(["released"]);
  });

  test("but for its quota waits as long as it takes, however often", async () => {
    await begin();
    model.script = [{ status: 429 }];
    for (let i = 0; i < 7; i++) expect(await thrownBy(turn(1))).toBeInstanceOf(NotYet);
  });

  test("because it is overloaded for long pauses the job: that is no failure", async () => {
    await begin();
    model.script = [{ status: 529 }];
    for (let i = 0; i < 3; i++)
      expect(((await thrownBy(turn(1))) as NotYet).on).toMatchObject({ kind: "later" });
    expect(((await thrownBy(turn(1))) as NotYet).on).toEqual({ kind: "paused" });
    const paused = await reload(db, job);
    expect(paused).toMatchObject({ state: "paused", waitingCode: "quota", leaseWorkerId: null });
    const minutes = ((paused.wakeAt?.getTime() ?? 0) - Date.now()) / 60_000;
    expect(Math.abs(minutes - 10)).toBeLessThan(1);
  });

  test("that can be read is given up after four tries", async () => {
    await begin();
    model.script = [{ calls: [write("a")], cut: true }];
    for (let i = 0; i < 3; i++) expect(await thrownBy(turn(1))).toBeInstanceOf(NotYet);
    expect(await thrownBy(turn(1))).toMatchObject({ code: "model_unavailable" });
    expect(await rows()).toEqual([]);
  });
});

describe("what a model thought before its calls", () => {
  type Asked = { role: string; content: { type: string }[] }[];
  const thoughts = () =>
    ((model.asked.at(-1)?.messages ?? []) as Asked).map(({ content }) =>
      content.map((block) => block.type).join(" "),
    );

  test("is sent back as it came with their results, and only that of the last answer", async () => {
    (await begin()).serve();
    model.script = [
      { thinking: "First a.", text: "Now.", calls: [write("a.txt")] },
      { thinking: "Then b.", calls: [write("b.txt")] },
      { text: "done" },
    ];
    for (const n of [1, 2, 3]) await turn(n);
    expect(thoughts()).toEqual([
      "text",
      "text tool_use",
      "tool_result",
      "thinking redacted_thinking tool_use",
      "tool_result",
    ]);
    const answer = ((model.asked.at(-1)?.messages ?? []) as Asked)[3];
    expect(answer?.content.slice(0, 2)).toEqual([
      { type: "thinking", thinking: "Then b.", signature: "signed:Then b." },
      { type: "redacted_thinking", data: "c2VjcmV0" },
    ]);
  });

  test("is not sent back when a credential in it was taken out of what is stored", async () => {
    (await begin()).serve();
    model.script = [
      { thinking: `The key is sk-ant-${"x".repeat(30)}.`, calls: [write("a.txt")] },
      { text: "done" },
    ];
    for (const n of [1, 2]) await turn(n);
    expect(thoughts()).toEqual(["text", "tool_use", "tool_result"]);
    expect(JSON.stringify((await rows()).map(({ answer }) => answer))).not.toContain("sk-ant-x");
  });

  test("does not eat up the answer: the limit has room for both", async () => {
    await begin();
    model.script = [{ text: "here I am" }];
    await turn(1);
    expect(model.asked[0]?.max_tokens).toBeGreaterThan(2 * 4_096);
  });
});

describe("a quota that is back later", () => {
  test("pauses the job until then: it holds no worker, pays nothing and goes on where it was", async () => {
    (await begin()).serve();
    model.script = [{ status: 429, retryAfter: 3_600 }];
    expect(((await thrownBy(turn(1))) as NotYet).on).toEqual({ kind: "paused" });
    const paused = await reload(db, job);
    expect(paused).toMatchObject({
      state: "paused",
      waitingCode: "quota",
      leaseWorkerId: null,
      spentMicroUsd: 0n,
    });
    const seconds = ((paused.wakeAt?.getTime() ?? 0) - Date.now()) / 1000;
    expect(Math.abs(seconds - 3_600)).toBeLessThan(60);
    expect((await spends()).map((spend) => spend.state)).toEqual(["released"]);
    expect(((await thrownBy(turn(1))) as NotYet).on).toEqual({ kind: "paused" });
    expect(model.asked).toHaveLength(1);
    await resumeJob({ ctx, input: { id: job.publicId } });
    const second = runnerOf(1);
    await second.claim();
    second.serve();
    model.script = [{ calls: [write("a.txt")] }];
    expect(await drive(1)).toMatchObject({ finished: false });
  });
});

describe("an agent run whose job ends under it", () => {
  test.each(["gave_up", "cancel", "stuck"] as const)("%s: ends with it", async (move) => {
    (await begin()).serve();
    model.script = [{ calls: [write("a.txt")] }];
    await turn(1);
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move, actor: "factory" }));
    expect(await db.agentRun.findFirst({ where: { jobId: job.id } })).toMatchObject({
      state: "failed",
      endedAt: expect.any(Date),
      turns: 1,
    });
    expect(await thrownBy(turn(2))).toBeInstanceOf(Ended);
  });

  test("but for a pause goes on", async () => {
    (await begin()).serve();
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "pause", actor: "factory" }));
    expect(await db.agentRun.findFirst({ where: { jobId: job.id } })).toMatchObject({ state: "running" });
  });
});

describe("a budget that is spent", () => {
  test("pauses the job with the reason, asks nobody, and goes on when it is raised", async () => {
    (await begin({ budget_usd: 0.001 })).serve();
    model.script = [{ calls: [write("a.txt")] }];
    const error = await thrownBy(turn(1));
    expect((error as NotYet).on).toEqual({ kind: "paused" });
    expect(await reload(db, job)).toMatchObject({
      state: "paused",
      resumeState: "running",
      waitingReason: expect.stringContaining("budget"),
      leaseWorkerId: null,
    });
    expect([model.asked.length, (await spends()).length]).toEqual([0, 0]);
    expect(((await thrownBy(turn(1))) as NotYet).on).toEqual({ kind: "paused" });
    await db.job.update({ where: { id: job.id }, data: { budgetMicroUsd: 5_000_000n } });
    await resumeJob({ ctx, input: { id: job.publicId } });
    const second = runnerOf(1);
    await second.claim();
    second.serve();
    expect(await drive(1)).toMatchObject({ finished: false });
    expect(await filesAt((await reload(db, job)).headCommit)).toEqual(["a.txt"]);
  });

  test("by others' open calls only makes it wait, not pause", async () => {
    await begin();
    await db.job.update({ where: { id: job.id }, data: { reservedMicroUsd: job.budgetMicroUsd } });
    expect(((await thrownBy(turn(1))) as NotYet).on).toMatchObject({ kind: "later" });
    expect((await reload(db, job)).state).toBe("running");
    expect(model.asked).toHaveLength(0);
  });
});
