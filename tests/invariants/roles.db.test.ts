// Who is asked when a task does not get on: fixers, the debugger, a second try, a person; and the one review of a green
// job. The order is that of the engine functions; the model says what the test tells it to, linters and test runners too.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { review } from "@/inngest/functions/review-job";
import { workOnTask } from "@/inngest/functions/run-task";
import type { CommandResult } from "@/runner/protocol";
import { writeCommand } from "@/server/agents/tools";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import type { Job } from "@/server/generated/prisma/client";
import { writePlan } from "@/server/loop/plan";
import { restoreLeft } from "@/server/loop/restore-tests";
import { writeAndCommit } from "@/server/loop/run-programs";
import { moveJob } from "@/server/services/jobs/move-job";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { workspaceFiles, workspaceText } from "@/server/services/workspace/workspace-files";
import { createRepository } from "@/server/workspaces/repository";
import { driveStep } from "../support/drive-step";
import { withHooks } from "../support/dying-db";
import { HandRunner, type Seen } from "../support/hand-runner";
import { type ScriptedCore, startScriptedCore } from "../support/scripted-core";
import type { Said, ScriptedModel } from "../support/scripted-model";
import { addWorkers, eventsOf, fileJob, reload } from "../support/settings";
import { type StraightEngine, straightEngine } from "../support/straight-engine";

const SPEC = "# Sums\n\n- [ ] Add numbers\n";
let model: ScriptedModel;
let core: ScriptedCore;
let db: Db;
let ctx: Ctx;
let runner: HandRunner;
let job: Job;
let engine: StraightEngine;
/** Outcomes of the test runs to come, then green. */
let red: number;

beforeAll(async () => {
  core = await startScriptedCore();
  ({ model, db, ctx } = core);
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  model.asked.length = 0;
  red = 0;
  engine = straightEngine();
});
afterEach(() => runner.stop());

const ref = () => ({ job: job.publicId, run: 1 });
const task = () => ({ ...ref(), n: 1, of: 1 });

async function begin(input: Record<string, unknown> = {}): Promise<void> {
  await fileJob(ctx, { spec: SPEC, tech_stack: "node", hold_back_tests: false, budget_usd: 50, ...input });
  const [worker = ""] = await addWorkers(db, 1);
  runner = new HandRunner(db, worker);
  job = await runner.claim();
  await createRepository(jobRepository(job.publicId));
  runner.serve(() => true, programs);
  await driveStep(() => writePlan(db, ref()));
}

/** Linters and test runners say what the test wants; everything else is really run. */
function programs({ spec }: Seen): Partial<CommandResult> | null {
  if (spec.kind !== "exec") return null;
  const argv = spec.argv.join(" ");
  const lines = (...all: unknown[]) =>
    [{ v: 1, tool: "node" }, ...all, { end: true }].map((line) => JSON.stringify(line)).join("\n");
  if (spec.argv[0] === "cat" && argv.includes("fabrica-lint"))
    return { stdout: JSON.stringify({ v: 1, tool: "eslint", problems: [], error: null }) };
  if (spec.argv[0] === "cat" && argv.includes("fabrica-tests")) {
    const outcome = red > 0 ? "failed" : "passed";
    red--;
    return { stdout: lines({ result: { id: "a.test.js::adds", outcome, ms: 1, message: "1 != 2" } }) };
  }
  if (argv.includes("node-tests.mjs run")) return { exit_code: red > 0 ? 1 : 0 };
  return argv.includes("eslint.mjs") ? { exit_code: 0 } : null;
}

const write = (path: string, content: string) => ({ name: "write", input: { path, content } });
const finish = (input: object, ...calls: object[]): Said => ({
  text: "So be it.",
  calls: [...(calls as NonNullable<Said["calls"]>), { name: "finish", input }],
});
const coder = (...calls: object[]) =>
  finish({ summary: "built" }, write("a.js", "export const add = (a, b) => a - b;\n"), ...calls);
const tester = finish(
  { summary: "tested", test_files: ["test/a.test.js"] },
  write("test/a.test.js", "// adds\n"),
  write("package.json", '{"type":"module"}\n'),
);
const fixer = (root_cause: string, ...calls: object[]) =>
  finish({ summary: "mended", root_cause, files_changed: ["a.js"] }, ...calls);
const debug = (recommendation: string, ...calls: object[]) =>
  finish(
    {
      root_cause: "subtracts instead of adding",
      evidence: "a.js:1 has a minus",
      findings: "turn it round",
      recommendation,
    },
    ...calls,
  );

const names = () => engine.names;
/** What the nth question's first message said. */
const told = (n: number) => JSON.stringify(model.asked[n]?.messages[0]);
const paths = async () => (await workspaceFiles(await reload(db, job))).paths;
const text = async (path: string) => workspaceText(await reload(db, job), path);
const work = () => workOnTask(engine.step, task());
const runs = () => db.agentRun.findMany({ where: { jobId: job.id }, orderBy: { id: "asc" } });

describe("a task that stays red", () => {
  test("is looked into after two fixes; what the debugger found goes on, what it left does not", async () => {
    await begin();
    red = 3;
    const leftovers = [write("debug.js", "// try\n"), write("a.js", "broken\n")];
    model.script = [
      coder(),
      tester,
      fixer("first guess"),
      fixer("second guess"),
      debug("fix_code", ...leftovers),
      fixer("third", write("a.js", "export const add = (a, b) => a + b;\n")),
    ];
    expect(await work()).toBe(true);
    expect(names()).toEqual(
      [
        ...["coder", "tester", "check-0", "fix-1", "check-1", "fix-2", "check-2"],
        ...["debugger", "debugged", "fix-3", "check-3", "tick"],
      ].map((name) => `task-1/${name}`),
    );
    expect(told(4)).toContain("first guess");
    expect(told(4)).toContain("1 != 2");
    expect(told(5)).toContain("subtracts instead of adding");
    expect(told(3)).not.toContain("findings");
    expect(await paths()).not.toContain("debug.js");
    expect(await text("a.js")).toContain("a + b");
    const heals = (await eventsOf(db, job)).filter(({ type }) => type === "heal.logged");
    expect(heals.map(({ data }) => [data.n, data.root_cause, data.result])).toEqual([
      [1, "first guess", "still red"],
      [2, "second guess", "still red"],
      [3, "third", "green"],
    ]);
  });

  test("goes on without a debugger who hands in nothing that can be read", async () => {
    await begin();
    red = 3;
    const unread = Array.from({ length: 4 }, () => debug("perhaps"));
    model.script = [coder(), tester, fixer("one"), fixer("two"), ...unread, fixer("three")];
    expect(await work()).toBe(true);
    expect(names().slice(-5)).toEqual(
      ["debugger", "debugged", "fix-3", "check-3", "tick"].map((name) => `task-1/${name}`),
    );
    expect(told(8)).not.toContain("findings");
  });

  test("is not looked into when nobody could act on it", async () => {
    await begin({ max_fixes: 2 });
    red = 9;
    model.script = [coder(), tester, fixer("one"), fixer("two")];
    expect(await work()).toBe(false);
    expect(await reload(db, job)).toMatchObject({ state: "failed", errorCode: "out_of_fixes" });
    expect((await runs()).map(({ role }) => role)).not.toContain("debugger");
  });

  test("goes to a person when the debugger gives up, with its reason", async () => {
    await begin();
    red = 9;
    model.script = [coder(), tester, fixer("one"), fixer("two"), debug("give_up")];
    expect(await work()).toBe(false);
    expect(await reload(db, job)).toMatchObject({
      state: "escalated",
      errorCode: "stuck",
      errorMessage: expect.stringContaining("subtracts instead of adding"),
    });
  });
});

test("a task that was green stays so when its steps run again in a workspace that has gone on", async () => {
  await begin();
  model.script = [coder(), tester];
  expect(await work()).toBe(true);
  // Another toolchain has come in since, whose tests nobody can read here.
  await driveStep(async () =>
    writeAndCommit(db, await reload(db, job), {
      write: { key: "later", spec: writeCommand("tests/test_b.py", "import unittest\n") },
      commit: { key: "later/commit", message: "Later" },
    }),
  );
  // An engine run that is lost is followed by another one, which takes every step again.
  engine = straightEngine();
  expect(await work()).toBe(true);
  expect(model.asked).toHaveLength(2);
  expect((await reload(db, job)).state).toBe("running");
});

describe("tests", () => {
  const weaken = write("test/a.test.js", "// nothing\n");

  test("that a fixer changes are put back", async () => {
    await begin();
    red = 1;
    model.script = [coder(), tester, fixer("the test is too strict", weaken, write("b.js", "1;\n"))];
    expect(await work()).toBe(true);
    expect(await text("test/a.test.js")).toBe("// adds\n");
    expect(await paths()).toContain("b.js");
    const notes = (await eventsOf(db, job)).filter(({ type }) => type === "job.note");
    expect(JSON.stringify(notes)).toContain("test/a.test.js");
  });

  test("that a fixer changed before it was stuck are put back before the next run", async () => {
    await begin();
    red = 9;
    const stuck = (note: string) => write(".ai/stuck.md", note);
    model.script = [
      coder(),
      tester,
      fixer("one", weaken, stuck("Not possible.\n")),
      debug("fix_code"),
      fixer("two", stuck("Still not possible.\n"), write("b.js", "1;\n")),
    ];
    expect(await work()).toBe(false);
    expect((await reload(db, job)).state).toBe("escalated");
    expect(await text("test/a.test.js")).toBe("// nothing\n");
    await runner.stop();
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "retry_with_advice", actor: "factory" }));
    const [worker = ""] = await addWorkers(db, 1);
    runner = new HandRunner(db, worker);
    job = await runner.claim();
    runner.serve(() => true, programs);
    // Also when the process dies before the sandbox has them: what is in there is what the next turn commits.
    const dying = withHooks(db, (count) => {
      if (count > 0) throw new Error("the process died");
    });
    await expect(restoreLeft(dying, job)).rejects.toThrow("the process died");
    await driveStep(async () => restoreLeft(db, await reload(db, job)));
    expect(await text("test/a.test.js")).toBe("// adds\n");
    expect(await paths()).toContain("b.js");
    expect(runner.seen.map(({ spec }) => spec.kind)).toEqual(["reset"]);
  });

  test.each([
    ["fix_code", "// adds\n"],
    ["test_is_wrong", "// nothing\n"],
    ["spec_is_unclear", "// nothing\n"],
  ])("may be changed when the debugger says so: %s", async (recommendation, left) => {
    await begin();
    red = 3;
    model.script = [
      coder(),
      tester,
      fixer("one"),
      fixer("two"),
      debug(recommendation),
      fixer("three", weaken),
    ];
    expect(await work()).toBe(true);
    expect(await text("test/a.test.js")).toBe(left);
  });
});

describe("an agent that is stuck", () => {
  const STUCK = write(".ai/stuck.md", "The specification forbids what it asks for.\n");

  test("is followed by another one, once a debugger has looked into it", async () => {
    await begin();
    model.script = [coder(STUCK), debug("fix_code", write("x.js", "1;\n")), coder(), tester];
    expect(await work()).toBe(true);
    expect(names().slice(0, 5)).toEqual(
      ["coder", "debug-coder", "debugged-coder", "coder-again", "tester"].map((name) => `task-1/${name}`),
    );
    expect(told(1)).toContain("forbids what it asks for");
    expect(told(2)).toContain("turn it round");
    expect(await paths()).not.toContain(".ai/stuck.md");
    expect(await paths()).not.toContain("x.js");
    expect((await runs()).map(({ key, state }) => [key, state])).toEqual([
      ["task-1/coder", "failed"],
      ["task-1/debug-coder", "finished"],
      ["task-1/coder-again", "finished"],
      ["task-1/tester", "finished"],
    ]);
  });

  test("because its result cannot be read is followed by another one as well", async () => {
    await begin();
    const unread = Array.from({ length: 4 }, () => finish({ summary: 7 }));
    model.script = [...unread, debug("fix_code"), coder(), tester];
    expect(await work()).toBe(true);
    expect(names().slice(0, 4)).toEqual(
      ["coder", "debug-coder", "debugged-coder", "coder-again"].map((name) => `task-1/${name}`),
    );
    expect((await runs())[0]).toMatchObject({ key: "task-1/coder", state: "failed" });
  });

  test("a second time goes to a person, with the reason", async () => {
    await begin();
    const again = write(".ai/stuck.md", "Still not possible.\n");
    model.script = [coder(STUCK), debug("fix_code"), coder(again)];
    expect(await work()).toBe(false);
    expect(names().at(-1)).toBe("task-1/stuck-coder");
    expect(await reload(db, job)).toMatchObject({
      state: "escalated",
      errorMessage: expect.stringMatching(/Still not possible.*debugger was asked before/s),
    });
  });

  test("by going round in circles is looked into as well; another one of the same task is not", async () => {
    await begin();
    const look: Said = { calls: [{ name: "run", input: { command: "ls" } }] };
    const circles = Array.from({ length: 5 }, () => look);
    model.script = [...circles, debug("fix_code"), coder(), ...circles];
    expect(await work()).toBe(false);
    expect(names().at(-1)).toBe("task-1/stuck-tester");
    expect(names()).not.toContain("task-1/debug-tester");
    expect(await reload(db, job)).toMatchObject({
      state: "escalated",
      errorMessage: expect.stringContaining("The tester is stuck: the same action"),
    });
  });

  test("is no agent that only finds such a note", async () => {
    await begin();
    model.script = [coder(STUCK), debug("fix_code", STUCK), coder(), tester];
    expect(await work()).toBe(true);
  });
});

describe("what agents are told", () => {
  test("is what stands in files and in git, but a tester is not told what the coder noted", async () => {
    await begin();
    red = 1;
    const note = write(".ai/progress.md", "The adder lies in a.js.\n");
    model.script = [coder(note), tester, fixer("one")];
    expect(await work()).toBe(true);
    expect(told(0)).toContain("Write the plan");
    expect(told(1)).toContain("task-1/coder: turn 1");
    expect(told(1)).not.toContain("lies in a.js");
    expect(told(2)).toContain("lies in a.js");
  });
});

describe("the review of a green job", () => {
  const BLOCKER = {
    severity: "blocker",
    file: "a.js",
    line: 1,
    expected: "the sum of both",
    observed: "their difference",
  };
  const reviewed = (verdict: string, ...findings: object[]) =>
    finish({ verdict, summary: "I have read it.", findings });
  const run = () => review(engine.step, ref(), 1);
  const built = async () => {
    await begin();
    model.script = [coder(), tester];
    await work();
    engine.names.length = 0;
    model.asked.length = 0;
  };
  const checks = async () =>
    (await db.checkRun.findMany({ where: { jobId: job.id, kind: "review" }, orderBy: { id: "asc" } })).map(
      ({ key, passed }) => [key, passed],
    );

  test("that approves costs one agent run, which sees the whole and can change nothing", async () => {
    await built();
    model.script = [reviewed("approve", { ...BLOCKER, severity: "minor" })];
    expect(await run()).toBe(true);
    expect(names()).toEqual(["review", "reviewed"]);
    expect(told(0)).toContain("a - b");
    const tools = (model.asked[0] as unknown as { tools: { name: string }[] }).tools.map(({ name }) => name);
    expect(tools.sort()).toEqual(["finish", "read", "search", "tree"]);
    expect(await checks()).toEqual([["review", true]]);
    expect((await reload(db, job)).currentStep).toBe("review");
  });

  test("that finds a blocker is mended once", async () => {
    await built();
    const mend = write("a.js", "export const add = (a, b) => a + b;\n");
    model.script = [reviewed("request_changes", BLOCKER), fixer("minus", mend)];
    expect(await run()).toBe(true);
    expect(names()).toEqual(["review", "reviewed", "review-fix", "review-fixed"]);
    expect(told(1)).toContain("their difference");
    expect(await text("a.js")).toContain("a + b");
    expect(await checks()).toEqual([
      ["review", false],
      ["review/fixed", true],
    ]);
    expect((await reload(db, job)).state).toBe("running");
  });

  test("whose mending breaks the tests is taken back, and the job goes on", async () => {
    await built();
    red = 1;
    model.script = [reviewed("request_changes", BLOCKER), fixer("minus", write("a.js", "broken\n"))];
    expect(await run()).toBe(true);
    expect(await text("a.js")).toContain("a - b");
    expect(await checks()).toEqual([
      ["review", false],
      ["review/fixed", false],
    ]);
    expect((await reload(db, job)).state).toBe("running");
  });

  test("is left out when the job's time is nearly used up", async () => {
    await built();
    await db.job.update({ where: { id: job.id }, data: { leasedMs: 3_100_000n } });
    expect(await run()).toBe(true);
    expect(model.asked).toHaveLength(0);
    expect((await reload(db, job)).state).toBe("running");
  });

  test.each([
    [
      "hands in nothing that can be read",
      () => Array.from({ length: 6 }, () => finish({ verdict: "perhaps" })),
    ],
    [
      "asks for changes without a blocker",
      () => [reviewed("request_changes", { ...BLOCKER, severity: "major" })],
    ],
    ["cannot be had from its model", () => [{ status: 400 }]],
    [
      "comes to no end",
      () => Array.from({ length: 6 }, () => ({ calls: [{ name: "read", input: { path: "a.js" } }] })),
    ],
  ])("that %s changes nothing", async (_name, said) => {
    await built();
    model.script = said();
    expect(await run()).toBe(true);
    expect(names()).toEqual(["review", "reviewed"]);
    expect((await reload(db, job)).state).toBe("running");
  });
});
