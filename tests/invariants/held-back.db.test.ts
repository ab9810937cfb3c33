// Tests that are held back: nobody's sandbox but the tester's and the validation's ever has them, not even in its history;
// and a validation believes them and nothing else. Real git, real linters and test runners.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { review } from "@/inngest/functions/review-job";
import { workOnTask } from "@/inngest/functions/run-task";
import { validate } from "@/inngest/functions/validate-job";
import { takeTurn } from "@/server/agents/take-turn";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import type { Job } from "@/server/generated/prisma/client";
import type { StoredTests } from "@/server/loop/checks";
import {
  beginHeldBack,
  heldBackFor,
  heldBackRepository,
  holdBack,
  holdBackLeft,
  keepAllHeldBack,
} from "@/server/loop/hold-back";
import { beginPlan, writePlan } from "@/server/loop/plan";
import { setUp, takeRun } from "@/server/loop/set-up";
import { beginAgent } from "@/server/loop/work-on-task";
import { moveJob } from "@/server/services/jobs/move-job";
import { retryJob } from "@/server/services/jobs/retry-job";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { workspaceFiles } from "@/server/services/workspace/workspace-files";
import { keepHeldBack } from "@/server/workspaces/held-back";
import { importBundle } from "@/server/workspaces/import-bundle";
import { readTree } from "@/server/workspaces/read-files";
import { createRepository } from "@/server/workspaces/repository";
import { SandboxRepository, streamOf } from "@/server/workspaces/sandbox-repository.fixture";
import { driveStep } from "../support/drive-step";
import { withHooks } from "../support/dying-db";
import { HandRunner } from "../support/hand-runner";
import { type ScriptedCore, startScriptedCore } from "../support/scripted-core";
import type { Said, ScriptedModel } from "../support/scripted-model";
import { addWorkers, eventsOf, fileJob, reload } from "../support/settings";
import { type StraightEngine, straightEngine } from "../support/straight-engine";
import { toolchainDir } from "../support/toolchain";

const CANARY = "held-back-canary-7f3a";
const scratch = mkdtempSync(join(tmpdir(), "fabrica-held-"));
let model: ScriptedModel;
let core: ScriptedCore;
let db: Db;
let ctx: Ctx;
let places: Record<string, string>;
let runners: HandRunner[] = [];
let job: Job;
let engine: StraightEngine;

beforeAll(async () => {
  core = await startScriptedCore();
  ({ model, db, ctx } = core);
  places = { "/opt/toolchain": await toolchainDir(), "/tmp": scratch };
}, 600_000);
afterAll(async () => {
  await core.close();
  rmSync(scratch, { recursive: true, force: true });
});
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  model.asked.length = 0;
  engine = straightEngine();
});
afterEach(async () => {
  for (const runner of runners) await runner.stop();
  runners = [];
});

const ref = () => ({ job: job.publicId, run: job.run });
const runner = () => runners.at(-1) as HandRunner;

async function claim(): Promise<void> {
  const [worker = ""] = await addWorkers(db, 1);
  runners.push(new HandRunner(db, worker, places));
  job = await runner().claim();
  runner().serve();
}

async function begin(input: Record<string, unknown>): Promise<{ tasks: number }> {
  await fileJob(ctx, { tech_stack: "node", budget_usd: 50, ...input });
  await claim();
  await takeRun(db, ref(), "engine");
  await driveStep(() => setUp(db, ref()));
  const plan = await driveStep(() => beginPlan(db, ref()));
  if (plan.agent) await driveStep(() => takeTurn(db, ref(), plan.agent as string, 1));
  return driveStep(() => writePlan(db, ref()));
}

const write = (path: string, content: string) => ({ name: "write", input: { path, content } });
const run = (command: string) => ({ name: "run", input: { command } });
const finish = (input: object, ...calls: object[]): Said => ({
  text: "So be it.",
  calls: [...(calls as NonNullable<Said["calls"]>), { name: "finish", input }],
});
const CODE = finish(
  { summary: "built" },
  write("package.json", '{"type":"module"}\n'),
  write("a.js", "export const add = (a, b) => a - b;\n"),
);
const testOf = (says: string, sum: number) =>
  `import assert from "node:assert";\nimport test from "node:test";\nimport { add } from "../a.js";\n\ntest("${says}", () => assert.equal(add(1, 2), ${sum}));\n`;
const TESTS = finish(
  { summary: "tested", test_files: ["test/a.test.js", "test/b.test.js"], held_back: ["test/b.test.js"] },
  write("test/a.test.js", testOf("adds", 3)),
  write("test/b.test.js", testOf(CANARY, 3)),
);
const fix = (code: string, ...calls: object[]) =>
  finish({ summary: "mended", root_cause: "minus", files_changed: ["a.js"] }, ...calls, write("a.js", code));
const RIGHT = "export const add = (a, b) => a + b;\n";
const OK = finish({ verdict: "approve", summary: "fine", findings: [] });
const held = async () => (await heldBackFor(db, await reload(db, job))).map(({ path }) => path);
const paths = async () => (await workspaceFiles(await reload(db, job))).paths;
const heldCheck = () =>
  db.checkRun.findFirst({ where: { jobId: job.id, run: job.run, key: "verify/held-back" } });
const SPEC = "# Sums\n\n- [ ] Add numbers\n";

describe("a sandbox after the tester's", () => {
  /** All that a curious program can ask its repository for. */
  const search = (oid: string) =>
    run(
      `git log --all -p --stat; git rev-list --all --objects; git cat-file --batch-all-objects --batch; git fsck --lost-found; grep -r ${CANARY.slice(0, 9)} . ; git cat-file -p ${oid} && echo FOUND-IT`,
    );

  test("has nothing of a held-back test, not in its files and not in its history", async () => {
    await begin({ spec: SPEC });
    const oidOf = async () => {
      const row = await db.turn.findFirstOrThrow({ where: { agentRun: { jobId: job.id, role: "tester" } } });
      const files = await readTree(jobRepository(job.publicId), row.commit ?? "");
      return files.find(({ path }) => path === "test/b.test.js")?.oid ?? "";
    };
    // The fixer is asked for after the tester, so its script may know what the tester's commit was.
    model.script = [CODE, TESTS, async () => ({ calls: [search(await oidOf())] }), fix(RIGHT)];
    expect(await workOnTask(engine.step, { ...ref(), n: 1, of: 1 })).toBe(true);
    const seen = await db.turn.findMany({ where: { agentRun: { jobId: job.id, role: "fixer" } } });
    const observed = JSON.stringify(seen.map(({ observations }) => observations));
    expect(observed).toContain("test/a.test.js");
    expect(observed).not.toContain(CANARY.slice(0, 12));
    expect(observed).not.toContain("b.test.js");
    expect(observed).not.toContain("FOUND-IT");
    expect(JSON.stringify(model.asked.slice(2))).not.toContain("b.test.js");
    expect(await held()).toEqual(["test/b.test.js"]);
    expect(await paths()).toContain("test/a.test.js");
    expect(await paths()).not.toContain("test/b.test.js");
    const events = await eventsOf(db, job);
    const notes = events.filter(({ type }) => type === "job.note");
    expect(notes.map(({ data }) => data.text)).toEqual([expect.stringContaining("1 test file is held back")]);
    // Whoever audits the history learns from it which commits are no part of the work.
    const moved = events.filter(({ type }) => type === "workspace.moved");
    expect(moved).toHaveLength(1);
  }, 120_000);

  test("keeps them when the job does not want any to be held back", async () => {
    await begin({ spec: SPEC, hold_back_tests: false });
    model.script = [CODE, TESTS, fix(RIGHT)];
    expect(await workOnTask(engine.step, { ...ref(), n: 1, of: 1 })).toBe(true);
    expect(await paths()).toContain("test/b.test.js");
    expect(await held()).toEqual([]);
    expect(JSON.stringify(model.asked[1]?.messages)).not.toContain("<hold>");
  }, 120_000);

  test.each([
    ["that was there before", ["a.js", "test/old.test.js"], []],
    ["that nobody wrote, or is no test", ["no.test.js", "package.json", "../x.test.js"], []],
    ["when all are named: one stays", ["test/a.test.js", "./test/b.test.js"], ["test/b.test.js"]],
  ])(
    "keeps what cannot be held back: %s",
    async (_name, named, expected) => {
      await begin({ spec: SPEC });
      const code = { ...CODE, calls: [write("test/old.test.js", "// old\n"), ...(CODE.calls ?? [])] };
      const tests = {
        ...TESTS,
        calls: [
          ...(TESTS.calls ?? []).slice(0, 2),
          { name: "finish", input: { summary: "s", test_files: [], held_back: named } },
        ],
      };
      model.script = [code, tests, fix(RIGHT)];
      await workOnTask(engine.step, { ...ref(), n: 1, of: 1 });
      expect(await held()).toEqual(expected);
      expect(await paths()).toContain("test/old.test.js");
    },
    120_000,
  );

  test("of a new run has nothing of what a tester wrote who was to hold back all, and did not finish", async () => {
    await begin({ spec: SPEC });
    model.script = [{ calls: [write("test/b.test.js", testOf(CANARY, 3))] }];
    const { agent } = await driveStep(() => beginHeldBack(db, ref()));
    await driveStep(() => takeTurn(db, ref(), agent as string, 1));
    expect(await paths()).toContain("test/b.test.js");
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "gave_up", actor: "factory" }));
    await retryJob({ ctx, input: { id: job.publicId } });
    await claim();
    // The process dies when the head was moved, and the sandbox still has the files.
    const dying = withHooks(db, (count) => {
      if (count > 0) throw new Error("the process died");
    });
    await expect(holdBackLeft(dying, job)).rejects.toThrow("the process died");
    expect(await paths()).not.toContain("test/b.test.js");
    await driveStep(async () => holdBackLeft(db, await reload(db, job)));
    expect(runner().seen.map(({ spec }) => spec.kind)).toEqual(["reset"]);
  }, 120_000);

  test("of a new run has nothing of it either when the last one ended in between", async () => {
    await begin({ spec: SPEC });
    const task = { ...ref(), n: 1, of: 1 };
    model.script = [CODE, TESTS];
    for (const role of ["coder", "tester"] as const) {
      const { agent } = await driveStep(() => beginAgent(db, task, role));
      await driveStep(() => takeTurn(db, ref(), agent as string, 1));
    }
    expect(await paths()).toContain("test/b.test.js");
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "gave_up", actor: "factory" }));
    await retryJob({ ctx, input: { id: job.publicId } });
    await claim();
    await takeRun(db, ref(), "engine-2");
    await driveStep(() => setUp(db, ref()));
    expect(job.run).toBe(2);
    expect(await paths()).not.toContain("test/b.test.js");
    expect(await paths()).toContain("test/a.test.js");
  }, 120_000);

  test("is filled by the same commit however often the taking out is done", async () => {
    await begin({ spec: SPEC });
    model.script = [CODE, TESTS, fix(RIGHT)];
    const task = { ...ref(), n: 1, of: 1 };
    for (const role of ["coder", "tester"] as const) {
      const { agent } = await driveStep(() => beginAgent(db, task, role));
      await driveStep(() => takeTurn(db, ref(), agent as string, 1));
    }
    const heads = new Set<string | null>();
    for (let i = 0; i < 3; i++) heads.add((await driveStep(() => holdBack(db, task))).headCommit);
    expect(heads.size).toBe(1);
    expect(await held()).toEqual(["test/b.test.js"]);
    const notes = (await eventsOf(db, job)).filter(({ type }) => type === "job.note");
    expect(notes).toHaveLength(1);
  }, 120_000);
});

/** Holds back what nobody wrote in the workspace. */
async function keep(files: Record<string, string>): Promise<void> {
  const dir = join(mkdtempSync(join(scratch, "other-")), "other.git");
  await createRepository(dir);
  const sandbox = new SandboxRepository();
  for (const [path, content] of Object.entries(files)) sandbox.write(path, content);
  sandbox.commit();
  const { commit } = await importBundle(dir, streamOf(sandbox.bundle()), { parent: null, message: "x" });
  sandbox.remove();
  const held = { from: dir, commit, files: await readTree(dir, commit), run: 1, name: "other" };
  await keepHeldBack(heldBackRepository(job.publicId), held);
}

describe("a validation", () => {
  const finished = async (): Promise<boolean> => {
    if (!(await review(engine.step, ref(), 1))) throw new Error("the review ended the job");
    return validate(engine.step, ref());
  };

  test("approves what passes the held-back tests, and names them", async () => {
    await begin({ spec: SPEC });
    model.script = [CODE, TESTS, fix(RIGHT), OK];
    await workOnTask(engine.step, { ...ref(), n: 1, of: 1 });
    expect(await finished()).toBe(true);
    const check = await heldCheck();
    expect(check).toMatchObject({ kind: "held_back", passed: true, report: { passed: 1, failed: 0 } });
    const report = check?.report as unknown as StoredTests;
    expect(report.reports[0]?.tests.map(({ id }) => id)).toEqual([`test/b.test.js::${CANARY}`]);
    expect(await paths()).not.toContain("test/b.test.js");
  }, 120_000);

  test("rejects what was written for the tests that could be seen", async () => {
    await begin({ spec: SPEC });
    const cheat = "export const add = () => 3;\n";
    const other = {
      ...write("test/b.test.js", testOf("adds others", 3).replace("add(1, 2), 3", "add(2, 2), 4")),
    };
    const tests = { ...TESTS, calls: [TESTS.calls?.[0] as never, other, TESTS.calls?.[2] as never] };
    model.script = [CODE, tests, fix(cheat), OK];
    await workOnTask(engine.step, { ...ref(), n: 1, of: 1 });
    expect(await finished()).toBe(false);
    expect(await heldCheck()).toMatchObject({ passed: false, report: { passed: 0, failed: 1 } });
    expect(await reload(db, job)).toMatchObject({
      state: "escalated",
      errorCode: "rejected",
      errorMessage: expect.stringMatching(/held-back tests: .*test\/b\.test\.js::adds others/),
    });
  }, 120_000);

  test("runs tests of the work and held-back ones of the same name, each without the other", async () => {
    await begin({ spec: SPEC, hold_back_tests: false });
    model.script = [CODE, TESTS, fix(RIGHT), OK];
    await workOnTask(engine.step, { ...ref(), n: 1, of: 1 });
    // As when a tester who has seen nothing but the plan and a candidate's own name their files alike.
    await keep({ "test/a.test.js": testOf("adds unseen", 3), "test/b.test.js": testOf("adds more", 3) });
    expect(await finished()).toBe(true);
    expect(await heldCheck()).toMatchObject({ passed: true, report: { passed: 2, failed: 0 } });
    expect(await paths()).toContain("test/a.test.js");
  }, 120_000);

  test("rejects what fails a held-back test that has the name of one of the work", async () => {
    await begin({ spec: SPEC, hold_back_tests: false });
    model.script = [CODE, TESTS, fix(RIGHT), OK];
    await workOnTask(engine.step, { ...ref(), n: 1, of: 1 });
    await keep({ "test/a.test.js": testOf("subtracts", -1) });
    expect(await finished()).toBe(false);
    expect(await heldCheck()).toMatchObject({ passed: false, report: { passed: 0, failed: 1 } });
  }, 120_000);

  test("rejects a job whose held-back tests are lost", async () => {
    await begin({ spec: SPEC });
    model.script = [CODE, TESTS, fix(RIGHT), OK];
    await workOnTask(engine.step, { ...ref(), n: 1, of: 1 });
    rmSync(heldBackRepository(job.publicId), { recursive: true });
    expect(await finished()).toBe(false);
    expect((await reload(db, job)).errorMessage).toMatch(/test\/b\.test\.js .*lost/);
  }, 120_000);

  test("counts a held-back test that cannot be collected as failed", async () => {
    await begin({ spec: SPEC });
    model.script = [CODE, TESTS, fix(RIGHT), OK];
    await workOnTask(engine.step, { ...ref(), n: 1, of: 1 });
    await keep({ "test/c.test.js": "this is no JavaScript (\n" });
    expect(await finished()).toBe(false);
    const report = (await heldCheck())?.report as unknown as StoredTests;
    expect(report).toMatchObject({ passed: 1 });
    expect(report.failed).toBeGreaterThan(0);
    expect((await reload(db, job)).errorMessage).toContain("test/c.test.js");
  }, 120_000);
});

describe("the simulation", () => {
  const simulated = (name: string) =>
    Object.fromEntries(
      ["planner", "coder", "tester", "fixer", "debugger", "reviewer"].map((role) => [
        role,
        `simulation/${name}`,
      ]),
    );
  const built = async (name: string, stack: string) => {
    const { tasks } = await begin({
      title: "Blog com posts",
      features: ["Posts"],
      tech_stack: stack,
      models: simulated(name),
    });
    for (let n = 1; n <= tasks; n++)
      if (!(await workOnTask(engine.step, { ...ref(), n, of: tasks }))) return null;
    if (!(await review(engine.step, ref(), tasks))) return null;
    return validate(engine.step, ref());
  };

  test.each(["node", "python"])(
    "shows one that passes in %s",
    async (stack) => {
      expect(await built("sim-1", stack)).toBe(true);
      expect(await held()).toHaveLength(1);
      expect(await heldCheck()).toMatchObject({ passed: true });
    },
    240_000,
  );

  test("told to err where only held-back tests look is rejected by them", async () => {
    expect(await built("sim-1+blind@1", "node")).toBe(false);
    expect(await heldCheck()).toMatchObject({ passed: false });
    expect((await reload(db, job)).errorMessage).toContain("unseen");
  }, 240_000);

  test("that is lost comes out right once a debugger has looked into it", async () => {
    expect(await built("sim-1+lost@1", "node")).toBe(true);
    expect(engine.names).toContain("task-1/debug-coder");
  }, 240_000);
});

describe("tests from the specification alone", () => {
  test("are all held back before there is any code, and count for the candidates too", async () => {
    const models = { planner: "simulation/sim-1", tester: "simulation/sim-1", coder: "simulation/sim-1" };
    await begin({ title: "Blog com posts", features: ["Posts"], models });
    const head = (await reload(db, job)).headCommit;
    const { agent } = await driveStep(() => beginHeldBack(db, ref()));
    for (let n = 1; !(await driveStep(() => takeTurn(db, ref(), agent as string, n))).finished; n++);
    const { files } = await driveStep(() => keepAllHeldBack(db, ref()));
    expect(files).toBeGreaterThan(1);
    expect((await reload(db, job)).headCommit).toBe(head);
    const other = await fileJob(ctx, {});
    const child = { ...other, parentId: job.id, parentRun: 1 };
    expect((await heldBackFor(db, child)).length).toBe(files);
    expect((await heldBackFor(db, { ...child, parentRun: 2 })).length).toBe(0);
  }, 120_000);
});
