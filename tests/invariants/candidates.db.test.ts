// Best of N, step by step: candidates are made once, the parent rests holding nothing and is woken once, money and files
// are the root's, the best one's work is taken whole, and nothing that a person does to one of them breaks the others.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { GiveUp, NotYet } from "@/server/domain/step-outcome";
import { PROGRESS } from "@/server/domain/steps";
import type { Job } from "@/server/generated/prisma/client";
import { endCandidate, splitIntoCandidates } from "@/server/loop/candidates";
import { beginCandidate } from "@/server/loop/candidates-begin";
import { takeBestCandidate } from "@/server/loop/candidates-choice";
import { writePlan } from "@/server/loop/plan";
import { writeAndCommit } from "@/server/loop/run-programs";
import { setUp, takeRun } from "@/server/loop/set-up";
import { end } from "@/server/loop/step-body";
import { priceOf } from "@/server/models/prices";
import { followCandidates } from "@/server/services/candidates/follow-candidates";
import { makeCandidates } from "@/server/services/candidates/make-candidates";
import { sweepParents, wakeParentOf } from "@/server/services/candidates/wake-parent";
import { cancelJob } from "@/server/services/jobs/cancel-job";
import { listJobs } from "@/server/services/jobs/list-jobs";
import { moveAlone } from "@/server/services/jobs/move-job";
import { pauseForBudget, pauseForCandidates } from "@/server/services/jobs/pause-itself";
import { pauseJob } from "@/server/services/jobs/pause-job";
import { resumeJob } from "@/server/services/jobs/resume-job";
import { retryJob } from "@/server/services/jobs/retry-job";
import { setBudget } from "@/server/services/jobs/set-budget";
import { setDependencies } from "@/server/services/jobs/set-dependencies";
import { setPriority } from "@/server/services/jobs/set-priority";
import { claimJob } from "@/server/services/queue/claim-job";
import { queueStats } from "@/server/services/queue/queue-stats";
import { whyWaiting } from "@/server/services/queue/why-waiting";
import { reserveSpend } from "@/server/services/spend/reserve-spend";
import { settleSpend } from "@/server/services/spend/settle-spend";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { workspaceText } from "@/server/services/workspace/workspace-files";
import { log } from "@/server/workspaces/read-files";
import { driveStep } from "../support/drive-step";
import { HandRunner } from "../support/hand-runner";
import {
  addTeam,
  addWorkers,
  type Core,
  eventsOf,
  fileJob,
  refusalOf,
  reload,
  startCore,
} from "../support/settings";

const SPEC = "# Shop\n\n- [ ] Products\n";
const ENGINE = "engine-of-the-parent";
let core: Core;
let db: Db;
let ctx: Ctx;
let parent: Job;
const runners: HandRunner[] = [];

beforeAll(async () => {
  core = await startCore({ JOB_TIMEOUT: "3600" });
  db = core.db;
});
afterAll(() => core.close());
let teams = 0;
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  ctx = await addTeam(db, `team-${++teams}`);
});
afterEach(async () => {
  for (const one of runners.splice(0)) await one.stop();
});

const ref = (job: Job = parent) => ({ job: job.publicId, run: job.run });
const isProbe = (argv: readonly string[]) => argv.some((word) => /toolchain/.test(word));

/** A worker that holds the next job and carries out what comes. */
async function work(): Promise<Job> {
  const [worker = ""] = await addWorkers(db, 1);
  const runner = new HandRunner(db, worker);
  runners.push(runner);
  const job = await runner.claim();
  runner.serve(
    () => true,
    ({ spec }) => (spec.kind === "exec" && isProbe(spec.argv) ? { exit_code: 0 } : null),
  );
  return job;
}

/** A job with its plan, held by a worker. */
async function planned(input: Record<string, unknown> = {}): Promise<void> {
  await fileJob(ctx, { spec: SPEC, tech_stack: "node", candidates: 3, ...input });
  parent = await work();
  await takeRun(db, ref(), ENGINE);
  await driveStep(() => setUp(db, ref()));
  await driveStep(() => writePlan(db, ref()));
  parent = await reload(db, parent);
}

const thrownBy = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );
const split = () => thrownBy(splitIntoCandidates(db, { ...ref(), engine: ENGINE }));
const children = () => db.job.findMany({ where: { parentId: parent.id }, orderBy: { id: "asc" } });

/** The parent with its candidates, none of them begun. */
async function splitUp(input: Record<string, unknown> = {}): Promise<Job[]> {
  await planned(input);
  expect(await split()).toMatchObject({ on: { kind: "paused" } });
  parent = await reload(db, parent);
  return children();
}

/** Works a candidate off as far as its validation: one file, and what the checks are said to have found. */
async function workedOut(files: Record<string, string>, held: [number, number] | null = null): Promise<Job> {
  const job = await work();
  await driveStep(async () => beginCandidate(db, await reload(db, job)));
  for (const [path, content] of Object.entries(files)) {
    const spec = {
      kind: "exec" as const,
      argv: ["sh", "-c", 'cat > "$0"', path],
      cwd: ".",
      env: {},
      stdin: content,
      timeout_ms: 60_000,
      max_output_bytes: 1_000,
      live: false,
    };
    await driveStep(async () =>
      writeAndCommit(db, await reload(db, job), {
        write: { key: `write ${path}`, spec },
        commit: { key: `commit ${path}`, message: path },
      }),
    );
  }
  await db.task.create({ data: { jobId: job.id, run: 1, n: 1, title: "Products", done: true, fixes: 2 } });
  if (held) {
    const report = { reports: [], passed: held[0], failed: held[1], skipped: 0, known: [] };
    await db.checkRun.create({
      data: {
        jobId: job.id,
        run: 1,
        key: "verify/held-back",
        kind: "held_back",
        passed: held[1] === 0,
        report,
      },
    });
  }
  await moveAlone(db, { job: job.id, move: "loop_green", actor: "factory" });
  return reload(db, job);
}
const finish = async (job: Job) => endCandidate(db, await reload(db, job), true, "");
const giveUp = (job: Job) =>
  end({ job: job.publicId, run: 1 }, "gave_up", "out_of_fixes", "Still red after 5 fixes.");
const statesOf = async () => (await children()).map(({ state }) => state);
const eventsNamed = async (type: string) =>
  (await eventsOf(db, parent)).filter((event) => event.type === type);

describe("the candidates of a job", () => {
  test("are made once, with what their parent was asked for, and the parent holds nothing", async () => {
    const made = await splitUp({
      description: "Sells things",
      context: "Be kind",
      priority: "high",
      max_fixes: 3,
    });
    expect(made.map(({ publicId }) => publicId)).toEqual(
      [1, 2, 3].map((n) => `${parent.publicId}-CAND-${n}`),
    );
    for (const child of made)
      expect(child).toMatchObject({
        kind: "candidate",
        state: "pending",
        claimable: true,
        rootId: parent.id,
        parentRun: 1,
        title: parent.title,
        description: "Sells things",
        context: "Be kind",
        spec: SPEC,
        priority: "high",
        maxFixes: 3,
      });
    expect(parent).toMatchObject({
      state: "paused",
      resumeState: "running",
      waitingCode: "children",
      leaseWorkerId: null,
      leaseUntil: null,
    });
    expect(await db.worker.count({ where: { currentJobId: parent.id } })).toBe(0);
  });
  test("are not made again by a step that is carried out twice, at once or later", async () => {
    await planned();
    const ends = await Promise.all([split(), split(), split()]);
    for (const one of ends) expect(one).toBeInstanceOf(NotYet);
    expect(await children()).toHaveLength(3);
    expect((await reload(db, parent)).state).toBe("paused");
    // A person lets the parent go on too early: it rests again, and nobody is made twice.
    await moveAlone(db, { job: parent.id, move: "resume", actor: "factory" });
    expect(await split()).toMatchObject({ on: { kind: "paused" } });
    expect(await children()).toHaveLength(3);
    expect((await eventsNamed("job.moved")).filter(({ data }) => data.to === "paused")).toHaveLength(2);
  });

  test("are not made by an engine run that has lost the job", async () => {
    await planned();
    const lost = await thrownBy(splitIntoCandidates(db, { ...ref(), engine: "another" }));
    expect(String(lost)).toContain("over");
    expect(await children()).toEqual([]);
  });

  test("keep their parent's place in the queue", async () => {
    await planned();
    const later = await fileJob(ctx, {});
    await split();
    const [worker = ""] = await addWorkers(db, 1);
    const next = await claimJob(db, worker, 60);
    expect(next?.publicId).toBe(`${parent.publicId}-CAND-1`);
    expect((await reload(db, later)).claimable).toBe(true);
  });

  test("ask other models in turn, where there are others", async () => {
    const models = { coder: "simulation/sim-1" };
    const made = await splitUp({ models, fallback_models: { coder: "simulation/sim-1+lint@1" } });
    expect(made.map((child) => (child.models as { coder: string }).coder)).toEqual([
      "simulation/sim-1",
      "simulation/sim-1+lint@1",
      "simulation/sim-1",
    ]);
    expect(made[1]?.fallbackModels).toEqual({ coder: "simulation/sim-1" });
  });

  test("begin from their parent's plan, each in a repository of its own", async () => {
    await splitUp();
    const first = await workedOut({ "a.txt": "one\n" });
    const second = await workedOut({ "a.txt": "two\n" });
    expect(await workspaceText(first, "a.txt")).toBe("one\n");
    expect(await workspaceText(second, "a.txt")).toBe("two\n");
    for (const one of [first, second]) {
      expect(await workspaceText(one, "SPEC.md")).toBe(SPEC);
      const history = await log(jobRepository(one.publicId), one.headCommit as string);
      expect(history.map(({ commit }) => commit)).toContain(parent.headCommit);
    }
  });
});

describe("a job that waits for its candidates", () => {
  test("goes on at the head of the queue when the last of them is over, by a single wake-up", async () => {
    await splitUp();
    await finish(await workedOut({ "a.txt": "one\n" }));
    expect((await reload(db, parent)).state).toBe("paused");
    const [second, third] = [
      await workedOut({ "a.txt": "1\n2\n" }),
      await workedOut({ "a.txt": "1\n2\n3\n" }),
    ];
    // The last two settle in the same moment.
    await Promise.all([finish(second), giveUp(third)]);
    expect(await reload(db, parent)).toMatchObject({ state: "running", claimable: true, rank: 0n });
    expect((await eventsNamed("job.moved")).filter(({ data }) => data.move === "resume")).toHaveLength(1);
    expect((await eventsNamed("candidate.settled")).map(({ data }) => [data.n, data.status])).toEqual(
      expect.arrayContaining([
        [1, "completed"],
        [2, "completed"],
        [3, "failed"],
      ]),
    );
    const resumed = await db.outbox.count({ where: { id: { startsWith: `resumed:${parent.publicId}` } } });
    expect(resumed).toBe(1);
  });

  test("is as far as its candidates are on average, and never falls", async () => {
    const made = await splitUp({ candidates: 2 });
    const [first, second] = made as [Job, Job];
    const reached = async () => (await reload(db, parent)).progress;
    const at = (job: Job, progress: number) => db.job.update({ where: { id: job.id }, data: { progress } });
    expect(await reached()).toBe(PROGRESS.planned);
    await at(first, 0.4);
    await at(second, 0.2);
    // Two processes look at once: one event.
    await Promise.all([followCandidates(db), followCandidates(db)]);
    expect(await reached()).toBe(0.29);
    await at(first, 0.1);
    expect(await followCandidates(db)).toBe(0);
    expect(await reached()).toBe(0.29);
    // Of what has failed nothing more can come.
    await moveAlone(db, { job: first.id, move: "cancel", actor: "factory" });
    expect(await followCandidates(db)).toBe(1);
    expect(await reached()).toBe(0.49);
    const told = (await eventsOf(db, parent)).filter(({ type }) => type === "job.step").slice(-2);
    expect(told.map(({ data }) => [data.step, data.progress])).toEqual([
      ["generate", 0.29],
      ["generate", 0.49],
    ]);
    await moveAlone(db, { job: second.id, move: "cancel", actor: "factory" });
    await sweepParents(db);
    expect((await reload(db, parent)).state).toBe("running");
    expect(await followCandidates(db)).toBe(0);
  });

  test("is woken by a sweep when the process died before it could", async () => {
    const made = await splitUp({ candidates: 2 });
    for (const { id } of made) await moveAlone(db, { job: id, move: "cancel", actor: "factory" });
    expect((await reload(db, parent)).state).toBe("paused");
    expect(await Promise.all([sweepParents(db), sweepParents(db)])).toEqual(expect.arrayContaining([1]));
    expect((await reload(db, parent)).state).toBe("running");
    expect(await sweepParents(db)).toBe(0);
    expect((await eventsNamed("candidate.settled")).length).toBe(2);
  });

  test("starves nobody with one worker: the candidates get it one after the other, then the parent", async () => {
    await splitUp({ candidates: 2 });
    await runners.splice(0)[0]?.stop();
    const [worker = ""] = await addWorkers(db, 1);
    for (let turn = 1; turn <= 2; turn++) {
      const claimed = await claimJob(db, worker, 60);
      expect(claimed?.publicId).toBe(`${parent.publicId}-CAND-${turn}`);
      await giveUp(await reload(db, claimed as { id: bigint }));
    }
    expect((await claimJob(db, worker, 60))?.publicId).toBe(parent.publicId);
  });

  test("says how many are over, and what keeps those that rest", async () => {
    const [first, second, third] = await splitUp();
    const why = async () => (await whyWaiting(db, [await reload(db, parent)])).get(parent.id);
    expect(await why()).toEqual({ code: "children", text: "waits for its candidates: 0 of 3 are over" });
    await giveUpPending(first as Job);
    expect((await why())?.text).toBe("waits for its candidates: 1 of 3 is over");
    for (const one of [second, third] as Job[])
      await db.$transaction((tx) =>
        pauseForBudget(tx, one, "The budget of this job does not buy another answer."),
      );
    expect(await why()).toEqual({
      code: "budget",
      text: expect.stringMatching(/^its candidates rest: The budget of this job does not buy another answer/),
    });
  });
  const giveUpPending = async (job: Job) => {
    await moveAlone(db, { job: job.id, move: "cancel", actor: "factory" });
    await wakeParentOf(db, await reload(db, job));
  };
});

describe("the best candidate", () => {
  test("is taken with its commits, and the choice is kept with the figures", async () => {
    await splitUp();
    await finish(await workedOut({ "a.txt": "one\ntwo\n" }, [3, 1]));
    const winner = await workedOut({ "a.txt": "one\ntwo\nthree\n" }, [4, 0]);
    await finish(winner);
    await giveUp(await workedOut({ "a.txt": "x\n" }, [4, 0]));
    const before = parent.headCommit as string;
    const taken = await Promise.all(
      [1, 2].map(() => driveStep(() => takeBestCandidate(db, { ...ref(), engine: ENGINE }))),
    );
    expect(taken).toEqual([{ chosen: 2 }, { chosen: 2 }]);
    parent = await reload(db, parent);
    expect(parent.headCommit).toBe((await reload(db, winner)).headCommit);
    expect(await workspaceText(parent, "a.txt")).toBe("one\ntwo\nthree\n");
    const history = await log(jobRepository(parent.publicId), parent.headCommit as string);
    expect(history.map(({ commit }) => commit)).toContain(before);
    expect(await db.task.findFirst({ where: { jobId: parent.id } })).toMatchObject({ done: true, fixes: 2 });
    const choice = await db.candidateChoice.findUniqueOrThrow({
      where: { jobId_run: { jobId: parent.id, run: 1 } },
    });
    expect(choice.why).toBe("Candidate 2 passes more of the tests that were held back (4, the next 3).");
    expect(choice.figures).toMatchObject([
      {
        n: 1,
        status: "completed",
        held_back: { passed: 3, failed: 1 },
        diff: { files: 1, added: 2, removed: 0 },
      },
      { n: 2, diff: { files: 1, added: 3, removed: 0 }, why: expect.stringContaining("more of the tests") },
      { n: 3, status: "failed", why: "failed: Still red after 5 fixes" },
    ]);
    expect(await eventsNamed("candidate.chosen")).toHaveLength(1);
    // Once more, as after a crash: nothing moves.
    expect(await takeBestCandidate(db, ref())).toEqual({ chosen: 2 });
    expect((await reload(db, parent)).lastSeq).toBe(parent.lastSeq);
  });

  test("is none when none is green: the job gives up in plain words and keeps its plan", async () => {
    await splitUp({ candidates: 2 });
    for (let n = 0; n < 2; n++) await giveUp(await workedOut({ "a.txt": "x\n" }));
    const given = await thrownBy(takeBestCandidate(db, ref()));
    expect(given).toBeInstanceOf(GiveUp);
    expect(given).toMatchObject({
      code: "no_candidate",
      message: expect.stringMatching(/^None of 2 candidates/),
    });
    expect((await reload(db, parent)).headCommit).toBe(parent.headCommit);
    await end({ ...ref(), engine: ENGINE }, "gave_up", "no_candidate", (given as Error).message);
    parent = await reload(db, parent);
    expect(parent).toMatchObject({ state: "failed", errorCode: "no_candidate" });
    // A retry is another run with candidates of its own.
    await retryJob({ ctx, input: { id: parent.publicId } });
    parent = await work();
    await takeRun(db, ref(), ENGINE);
    await driveStep(() => setUp(db, ref()));
    await driveStep(() => writePlan(db, ref()));
    expect(await split()).toMatchObject({ on: { kind: "paused" } });
    const all = await children();
    expect(all.map((job) => [job.publicId.slice(-6), job.parentRun])).toEqual([
      ["CAND-1", 1],
      ["CAND-2", 1],
      ["CAND-3", 2],
      ["CAND-4", 2],
    ]);
  });

  test("never goes to a person by itself: a stuck candidate is a failed one", async () => {
    const [first] = await splitUp();
    const job = await work();
    expect(job.id).toBe(first?.id);
    await end({ job: job.publicId, run: 1 }, "stuck", "stuck", "The coder is stuck: the same again.");
    expect((await reload(db, job)).state).toBe("failed");
  });
});

describe("money and files of candidates", () => {
  const call = (job: Job, key: string) => ({
    job,
    key,
    role: "coder" as const,
    provider: "anthropic",
    model: "claude-sonnet-4-6",
    price: priceOf("anthropic", "claude-sonnet-4-6"),
    inputTokens: 1_000,
    maxTokens: 4_096,
    timeoutMs: 60_000,
  });
  const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 };

  test("are the root's: what one spends the others cannot, and all go on when the root's cap is raised", async () => {
    const [first, second, third] = (await splitUp({ budget_usd: 0.25 })) as [Job, Job, Job];
    const spend = (job: Job, key: string) => reserveSpend(db, call(job, key));
    expect(await spend(first, "a")).toMatchObject({ allowed: true });
    await db.$transaction((tx) => settleSpend(tx, { key: "a", usage, costMicro: 250_000n, as: "settled" }));
    expect(await spend(second, "b")).toMatchObject({ allowed: false, why: "cap" });
    expect((await reload(db, parent)).spentMicroUsd).toBe(250_000n);
    expect((await reload(db, first)).spentMicroUsd).toBe(250_000n);
    for (const one of [second, third])
      await db.$transaction((tx) =>
        pauseForBudget(tx, one, "The budget of this job does not buy another answer."),
      );
    await setBudget({ ctx, input: { id: parent.publicId, budget_usd: 2 } });
    expect(await statesOf()).toEqual(["pending", "pending", "pending"]);
    expect(await reload(db, parent)).toMatchObject({ state: "paused", waitingCode: "children" });
    expect(await spend(second, "c")).toMatchObject({ allowed: true });
  });

  test("do not lock each other out, but others are kept away while one of them works", async () => {
    const project = await db.project.create({
      data: { teamId: ctx.actor.teamId, name: "shop", repositoryUrl: "https://git.test/shop" },
    });
    parent = await fileJob(ctx, { project: "shop", files: ["src/"], candidates: 2 });
    const [w1 = "", w2 = "", w3 = ""] = await addWorkers(db, 3);
    await claimJob(db, w1, 60);
    await db.$executeRaw`UPDATE job SET head_commit = ${"0".repeat(40)}, engine_run_id = ${ENGINE} WHERE id = ${parent.id}`;
    parent = await reload(db, parent);
    await db.$transaction(async (tx) => {
      await makeCandidates(tx, { parent, spec: SPEC, approaches: [{ title: "Lists", text: "Use lists." }] });
      await pauseForCandidates(tx, parent, 2);
    });
    const stranger = await fileJob(ctx, { project: "shop", files: ["src/a.ts"] });
    expect(await db.fileLock.findMany({ where: { projectId: project.id } })).toMatchObject([
      { jobId: parent.id, path: "src/" },
    ]);
    expect((await claimJob(db, w1, 60))?.publicId).toBe(`${parent.publicId}-CAND-1`);
    expect((await claimJob(db, w2, 60))?.publicId).toBe(`${parent.publicId}-CAND-2`);
    expect(await claimJob(db, w3, 60)).toBeNull();
    expect((await reload(db, stranger)).waitingCode).toBe("files");
    const [first] = await children();
    expect(first).toMatchObject({
      approach: "Lists",
      context: "Approach of this candidate: Lists\nUse lists.",
    });
    // All are over: the parent holds its files until it ends.
    await cancelJob({ ctx, input: { id: parent.publicId } });
    expect((await claimJob(db, w3, 60))?.publicId).toBe(stranger.publicId);
  });
});

describe("a person", () => {
  test("stops a job with its candidates", async () => {
    await splitUp();
    const worked = await work();
    await cancelJob({ ctx, input: { id: parent.publicId } });
    expect(await statesOf()).toEqual(["cancelled", "cancelled", "cancelled"]);
    expect(await reload(db, parent)).toMatchObject({ state: "cancelled" });
    expect((await reload(db, worked)).leaseWorkerId).toBeNull();
    expect(await sweepParents(db)).toBe(0);
  });

  test("pauses and resumes a job's candidates through the job", async () => {
    await splitUp();
    await work();
    const id = { ctx, input: { id: parent.publicId } };
    await pauseJob(id);
    expect(await statesOf()).toEqual(["paused", "paused", "paused"]);
    expect((await whyWaiting(db, [await reload(db, parent)])).get(parent.id)?.code).toBe("paused");
    expect(await refusalOf(pauseJob(id))).toBe("conflict");
    await resumeJob(id);
    expect(await statesOf()).toEqual(["running", "pending", "pending"]);
    expect(await refusalOf(resumeJob(id))).toBe("conflict");
    expect((await reload(db, parent)).state).toBe("paused");
  });

  test("cannot move a candidate alone, and is told what to do instead", async () => {
    const [first] = (await splitUp()) as [Job, Job, Job];
    const input = { id: first.publicId };
    const tries = [
      () => pauseJob({ ctx, input }),
      () => resumeJob({ ctx, input }),
      () => retryJob({ ctx, input }),
      () => setBudget({ ctx, input: { ...input, budget_usd: 9 } }),
      () => setPriority({ ctx, input: { ...input, priority: "critical" } }),
      () => setDependencies({ ctx, input: { ...input, depends_on: [] } }),
    ];
    const before = await reload(db, first);
    for (const attempt of tries) {
      const error = await thrownBy(attempt());
      expect(error).toMatchObject({
        code: "conflict",
        message: expect.stringMatching(new RegExp(`${parent.publicId}( instead|; set that one's)`)),
      });
    }
    expect(await reload(db, first)).toEqual(before);
  });

  test("may stop one candidate, and the choice is made among the rest", async () => {
    const [first] = (await splitUp({ candidates: 2 })) as [Job, Job];
    await cancelJob({ ctx, input: { id: first.publicId } });
    expect((await reload(db, parent)).state).toBe("paused");
    await finish(await workedOut({ "a.txt": "one\n" }));
    expect((await reload(db, parent)).state).toBe("running");
    expect(await driveStep(() => takeBestCandidate(db, ref()))).toEqual({ chosen: 2 });
  });

  test("gives its candidates another priority with the job's", async () => {
    await splitUp();
    await setPriority({ ctx, input: { id: parent.publicId, priority: "low" } });
    const [first, ...rest] = await children();
    expect(first?.priority).toBe("low");
    for (const one of rest) expect(one.rank).toBe(first?.rank);
  });

  test("sees candidates when asking for them, and never as jobs that were delivered", async () => {
    await splitUp({ candidates: 2 });
    await finish(await workedOut({ "a.txt": "one\n" }));
    const list = (more: object = {}) => listJobs({ ctx, input: { limit: 50, ...more } });
    expect((await list()).jobs.map((job) => job.job_id)).toEqual([parent.publicId]);
    const own = (await list({ parent: parent.publicId })).jobs;
    expect(own.map((job) => [job.job_id, job.parent])).toEqual(
      [2, 1].map((n) => [`${parent.publicId}-CAND-${n}`, parent.publicId]),
    );
    const { counts, success_rate } = await queueStats({ ctx });
    expect(counts).toMatchObject({ paused: 1, completed: 0, pending: 0 });
    expect(success_rate).toBeNull();
  });
});
