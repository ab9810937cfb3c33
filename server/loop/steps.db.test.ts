// The steps of the pipeline on recorded outputs: run again from the top at any point, they come to one result.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CommandResult } from "@/runner/protocol";
import { withHooks } from "@/tests/support/dying-db";
import { HandRunner, type Seen } from "@/tests/support/hand-runner";
import {
  addTeam,
  addWorkers,
  type Core,
  eventsOf,
  expireLease,
  fileJob,
  refusalOf,
  reload,
  startCore,
} from "@/tests/support/settings";
import type { Ctx } from "../context";
import type { Db } from "../db";
import { AppError } from "../domain/errors";
import { Ended, GiveUp, NotYet, Stuck } from "../domain/step-outcome";
import type { Job } from "../generated/prisma/client";
import { activeJob } from "../services/jobs/active-job";
import { cancelJob } from "../services/jobs/cancel-job";
import { moveJob } from "../services/jobs/move-job";
import { retryJob } from "../services/jobs/retry-job";
import { sweepLeases } from "../services/queue/sweep-leases";
import { jobRepository } from "../services/workspace/job-repository";
import { workspaceFiles, workspaceText } from "../services/workspace/workspace-files";
import { createRepository } from "../workspaces/repository";
import { checkTask } from "./check-task";
import { deliver } from "./deliver";
import { writePlan } from "./plan";
import { runCommands } from "./run-programs";
import { takeRun } from "./set-up";
import { stepBody } from "./step-body";
import { tickTask } from "./tick-task";
import { beginValidation, verify } from "./verify";

const SPEC = "# Shop\n\n- [ ] Products\n";
const TEST_FILE = "tests/a.test.js";
let core: Core;
let db: Db;
let ctx: Ctx;
let workers: string[];
let job: Job;
let runner: HandRunner;
const runners: HandRunner[] = [];

beforeAll(async () => {
  core = await startCore({ JOB_TIMEOUT: "3600" });
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  workers = await addWorkers(db, 2);
  await fileJob(ctx, { spec: SPEC, tech_stack: "node" });
  runner = await nextRunner(0);
});
afterEach(async () => {
  for (const one of runners.splice(0)) await one.stop();
});

async function nextRunner(index: number): Promise<HandRunner> {
  const next = new HandRunner(db, workers[index] as string);
  runners.push(next);
  job = await next.claim();
  await createRepository(jobRepository(job.publicId));
  return next;
}
const ref = (run = 1) => ({ job: job.publicId, run });
const task = { n: 1, of: 1 };
const typesOf = async () => (await eventsOf(db, job)).map((event) => event.type);
const count = async (type: string) => (await typesOf()).filter((one) => one === type).length;
const thrownBy = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );
/** Runs a step as the engine does: again from the top until it has a value. */
async function drive<T>(step: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < 30; tries++) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof NotYet || String(error).includes("the process died"))) throw error;
    }
  }
  throw new Error("the step never came to its end");
}
const move = (...moves: Parameters<typeof moveJob>[1]["move"][]) =>
  db.$transaction(async (tx) => {
    for (const name of moves) await moveJob(tx, { job: job.id, move: name, actor: "factory" });
  });
const loseWorker = async () => {
  await expireLease(db, job);
  await sweepLeases(db, 120);
};

/** Reports as the programs of the toolchain write them. */
const LINT_OK = JSON.stringify({ v: 1, tool: "eslint", problems: [], error: null });
const report = (...lines: unknown[]) =>
  [{ v: 1, tool: "node" }, ...lines, { end: true }].map((line) => JSON.stringify(line)).join("\n");
const result = (id: string, outcome: string, message = "") => ({ result: { id, outcome, ms: 1, message } });

interface Programs {
  lint?: { exit: number; report: string | null };
  tests?: (canary: string | null) => { exit: number; report: string | null };
  collected?: string[];
}

/** Answers the toolchain's programs; everything else is really run. */
function answers({ lint, tests, collected = [`${TEST_FILE}::works`] }: Programs) {
  let canary: string | null = null;
  const kept = new Map<string, string | null>();
  const end = (path: string, exit: number, text: string | null) => {
    kept.set(path, text);
    return { exit_code: exit };
  };
  return ({ spec }: Seen): Partial<CommandResult> | null => {
    if (spec.kind !== "exec") return null;
    const argv = spec.argv.join(" ");
    const path = /\/tmp\/fabrica-\S+/.exec(argv)?.[0] ?? "";
    if (spec.argv[3]?.includes("canary-")) {
      canary = `${spec.argv[3]}::${/test\("(canary \w+)"/.exec(spec.stdin ?? "")?.[1]}`;
      return null;
    }
    if (spec.argv[0] === "cat" && path) {
      const text = kept.get(path) ?? null;
      return text === null ? { exit_code: 1, stderr: "no such file" } : { stdout: text };
    }
    if (argv.includes("eslint.mjs")) return end(path, lint?.exit ?? 0, lint ? lint.report : LINT_OK);
    if (argv.includes("node-tests.mjs collect"))
      return end(path, 0, report(...collected.map((id) => ({ test: id }))));
    if (argv.includes("node-tests.mjs run")) {
      const ran = tests?.(canary) ?? passing(canary);
      return end(path, ran.exit, ran.report);
    }
    return null;
  };
}
const passing = (canary: string | null) => ({
  exit: canary ? 1 : 0,
  report: report(
    result(`${TEST_FILE}::works`, "passed"),
    ...(canary ? [result(canary, "failed", "must fail")] : []),
  ),
});

/** A workspace with code and a test, and its plan. */
async function planned(programs: Programs = {}): Promise<void> {
  runner.serve(() => true, answers(programs));
  await drive(() => writePlan(db, ref()));
  const script = `mkdir -p tests; echo 'export {};' > a.js; echo "test" > ${TEST_FILE}; echo '{"type":"module"}' > package.json`;
  const spec = {
    kind: "exec" as const,
    argv: ["sh", "-c", script],
    cwd: ".",
    env: {},
    stdin: null,
    timeout_ms: 5_000,
    max_output_bytes: 1_000,
    live: false,
  };
  const snapshot = { kind: "snapshot" as const, message: "code", timeout_ms: 5_000 };
  await drive(() =>
    runCommands(db, job, [
      { key: "code", spec },
      { key: "keep", spec: snapshot },
    ]),
  );
  job = await reload(db, job);
}

describe("the plan", () => {
  test("is written once, with the tasks that are done already", async () => {
    const spec = "# Shop\n- [x] Products\n- [ ] Cart\n";
    await db.job.update({ where: { id: job.id }, data: { spec } });
    runner.serve();
    expect(await drive(() => writePlan(db, ref()))).toEqual({ tasks: 2 });
    expect(await drive(() => writePlan(db, ref()))).toEqual({ tasks: 2 });
    const rows = await db.task.findMany({ where: { jobId: job.id }, orderBy: { n: "asc" } });
    expect(rows.map(({ title, done }) => [title, done])).toEqual([
      ["Products", true],
      ["Cart", false],
    ]);
    expect(await count("plan.written")).toBe(1);
    expect(await workspaceText(await reload(db, job), "SPEC.md")).toBe(spec);
  });

  test.each([
    ["without a task", "# Nothing", "no_tasks"],
    ["with too many", "- [ ] x\n".repeat(61), "too_many_tasks"],
  ])("%s is refused with the reason", async (_name, spec, code) => {
    await db.job.update({ where: { id: job.id }, data: { spec } });
    expect(await thrownBy(writePlan(db, ref()))).toMatchObject({ code });
  });

  test("is in the workspace also when the worker is lost between writing and committing it", async () => {
    runner.serve(({ spec }) => spec.kind !== "snapshot");
    const first = thrownBy(writePlan(db, ref()));
    while ((await db.command.count({ where: { jobId: job.id, state: "finished" } })) === 0)
      await db.$queryRaw`SELECT 1`;
    await loseWorker();
    (await nextRunner(1)).serve();
    await first;
    await drive(() => writePlan(db, ref()));
    expect(await workspaceText(await reload(db, job), "SPEC.md")).toBe(SPEC);
  });

  test("that cannot be kept ends the job with the reason, and is not counted as written", async () => {
    runner.serve(
      () => true,
      ({ spec }) => (spec.kind === "snapshot" ? { exit_code: null, failure: "a link is in the way" } : null),
    );
    const error = await thrownBy(drive(() => writePlan(db, ref())));
    expect(error).toMatchObject({
      code: "workspace",
      message: expect.stringContaining("a link is in the way"),
    });
    expect(await db.task.count({ where: { jobId: job.id } })).toBe(0);
  });
});

describe("lint and test", () => {
  const check = () => drive(() => checkTask(db, { ...ref(), ...task }, 0));
  test("green on what the programs report, stored once", async () => {
    await planned();
    expect(await check()).toEqual({ green: true });
    expect(await check()).toEqual({ green: true });
    expect(await count("check.finished")).toBe(2);
    expect((await reload(db, job)).testResults).toEqual({ passed: 1, failed: 0, skipped: 0, total: 1 });
  });

  const RED: [name: string, programs: Programs][] = [
    ["a failed test", { tests: () => ({ exit: 1, report: report(result("a", "failed", "1 != 2")) }) }],
    ["no test at all", { tests: () => ({ exit: 0, report: report() }) }],
    ["only skipped tests", { tests: () => ({ exit: 0, report: report(result("a", "skipped")) }) }],
    ["no report", { tests: () => ({ exit: 0, report: null }) }],
    ["a report that is cut off", { tests: () => ({ exit: 0, report: '{"v":1,"tool":"node"}' }) }],
    ["a report against the exit code", { tests: () => ({ exit: 1, report: report(result("a", "passed")) }) }],
    [
      "a lint error",
      {
        lint: {
          exit: 1,
          report: JSON.stringify({
            v: 1,
            tool: "eslint",
            error: null,
            problems: [{ file: "a.js", line: 1, column: 1, rule: "x", message: "y", severity: "error" }],
          }),
        },
      },
    ],
    ["a linter without a report", { lint: { exit: 0, report: null } }],
    [
      "a report with what cannot be stored",
      { tests: () => ({ exit: 1, report: report(result("a\u0000", "failed", "\ud800 \u0000")) }) },
    ],
  ];
  test.each(RED)("red on %s, and the fixer is told why", async (_name, programs) => {
    await planned(programs);
    expect(await check()).toEqual({ green: false });
    const failed = await db.checkRun.findMany({ where: { jobId: job.id, passed: false } });
    expect(failed).toHaveLength(1);
  });

  test("does not take a worker that was lost before its report was read for a failure", async () => {
    await planned();
    const stopped = runner.stop();
    await stopped;
    runners.length = 0;
    await loseWorker();
    const dying = await nextRunner(1);
    dying.serve(({ spec }) => !(spec.kind === "exec" && spec.argv[0] === "cat"), answers({}));
    const first = thrownBy(checkTask(db, { ...ref(), ...task }, 0));
    while (!dying.seen.some(({ spec }) => spec.kind === "exec" && spec.argv.join(" ").includes("eslint")))
      await db.$queryRaw`SELECT 1`;
    while (
      (await db.command.count({ where: { jobId: job.id, state: "finished", key: "task-1/0/lint/node" } })) ===
      0
    )
      await db.$queryRaw`SELECT 1`;
    await loseWorker();
    (await nextRunner(0)).serve(() => true, answers({}));
    await first;
    expect(await check()).toEqual({ green: true });
  });
});

describe("ticking off", () => {
  test("is done once, in SPEC.md and in the database", async () => {
    await planned();
    const tick = () => drive(() => tickTask(db, { ...ref(), ...task }));
    await tick();
    await tick();
    expect(await count("task.done")).toBe(1);
    expect(await workspaceText(await reload(db, job), "SPEC.md")).toContain("- [x] Products");
  });

  test("is not done when the workspace cannot be kept", async () => {
    await planned();
    await runner.stop();
    runners.length = 0;
    await loseWorker();
    (await nextRunner(1)).serve(
      () => true,
      ({ spec }) => (spec.kind === "snapshot" ? { exit_code: null, failure: "too many files" } : null),
    );
    const error = await thrownBy(drive(() => tickTask(db, { ...ref(), ...task })));
    expect(error).toMatchObject({ code: "workspace" });
    expect(await db.task.findFirst({ where: { jobId: job.id } })).toMatchObject({ done: false });
  });
});

describe("verify", () => {
  const validated = async (programs: Programs) => {
    await planned(programs);
    await drive(() => tickTask(db, { ...ref(), ...task }));
    await drive(() => beginValidation(db, ref()));
    return drive(() => verify(db, ref()));
  };

  test("approves what was collected, reported and whose canary failed, once", async () => {
    expect(await validated({})).toEqual({ passed: true });
    expect((await reload(db, job)).state).toBe("approved");
    expect(await drive(() => verify(db, ref()))).toEqual({ passed: true });
    expect(await drive(() => beginValidation(db, ref()))).toEqual({ moved: true });
    const moves = (await eventsOf(db, job)).filter((event) => event.type === "job.moved");
    expect(moves.map((event) => event.data.to)).toEqual(["running", "validating", "approved"]);
    const { paths } = await workspaceFiles(await reload(db, job));
    expect(paths.filter((path) => path.includes("canary"))).toEqual([]);
  });

  const works = result(`${TEST_FILE}::works`, "passed");
  const LIES: [name: string, programs: Programs, found: RegExp][] = [
    [
      "a canary that passed",
      { tests: (c) => ({ exit: 0, report: report(works, result(c ?? "x", "passed")) }) },
      /canary/,
    ],
    ["a canary that nobody ran", { tests: () => ({ exit: 0, report: report(works) }) }, /canary/],
    [
      "a test that failed",
      {
        tests: (c) => ({
          exit: 1,
          report: report(result(`${TEST_FILE}::works`, "failed"), result(c ?? "x", "failed")),
        }),
      },
      /all tests to pass/,
    ],
    [
      "a test that was not reported",
      { collected: [`${TEST_FILE}::works`, `${TEST_FILE}::hidden`] },
      /missing/,
    ],
    [
      "a test that was never collected",
      {
        tests: (c) => ({
          exit: 1,
          report: report(works, result("made/up.js::x", "passed"), result(c ?? "x", "failed")),
        }),
      },
      /made\/up/,
    ],
    ["a report that cannot be read", { tests: () => ({ exit: 0, report: "nonsense" }) }, /readable/],
    ["a list that cannot be read", { collected: [""] }, /list of tests/],
    ["lint that is no longer clean", { lint: { exit: 0, report: null } }, /lint/],
  ];
  test.each(LIES)("does not believe %s: a person decides", async (_name, programs, found) => {
    expect(await validated(programs)).toEqual({ passed: false });
    const row = await reload(db, job);
    expect(row).toMatchObject({
      state: "escalated",
      errorCode: "rejected",
      errorMessage: expect.stringMatching(found),
    });
    expect(await thrownBy(verify(db, ref()))).toBeInstanceOf(Ended);
    expect((await typesOf()).at(-1)).toBe("job.moved");
  });
});

describe("deliver", () => {
  const folder = () => join(core.dataDir, "projects", job.publicId);
  const approved = async () => {
    await planned();
    await move("loop_green", "passed");
  };

  test("writes branch, folder and zip once, and completes the job", async () => {
    await approved();
    expect(await drive(() => deliver(db, ref()))).toEqual({ delivered: true });
    expect(readFileSync(join(folder(), "SPEC.md"), "utf8")).toBe(SPEC);
    expect(existsSync(`${folder()}.zip`)).toBe(true);
    expect(await reload(db, job)).toMatchObject({ state: "completed", progress: 1, outputPath: folder() });
    expect(await count("delivery.done")).toBe(3);
    expect(await thrownBy(deliver(db, ref()))).toBeInstanceOf(Ended);
    expect(await count("delivery.done")).toBe(3);
  });

  test.each(
    [0, 1, 2, 3, 4, 5].flatMap(
      (at) =>
        [
          ["before", at],
          ["after", at],
        ] as const,
    ),
  )("that dies %s write %d delivers once when it is done again", async (side, at) => {
    await approved();
    const die = (n: number) => {
      if (n === at) throw new Error("the process died");
    };
    const dying = side === "before" ? withHooks(db, die) : withHooks(db, () => undefined, die);
    expect(String(await thrownBy(deliver(dying, ref())))).toContain("the process died");
    const again = await thrownBy(deliver(db, ref()));
    expect(again === null || again instanceof Ended).toBe(true);
    expect((await reload(db, job)).state).toBe("completed");
    expect(await count("delivery.done")).toBe(3);
    expect(await db.delivery.count({ where: { jobId: job.id } })).toBe(3);
  });

  test("by two at once delivers once", async () => {
    await approved();
    await Promise.allSettled([deliver(db, ref()), deliver(db, ref())]);
    await thrownBy(deliver(db, ref()));
    expect((await reload(db, job)).state).toBe("completed");
    expect(await count("delivery.done")).toBe(3);
    expect(readFileSync(join(folder(), "SPEC.md"), "utf8")).toBe(SPEC);
  });

  test("finds the folder of an earlier try and keeps it", async () => {
    await approved();
    mkdirSync(folder(), { recursive: true });
    writeFileSync(join(folder(), "mark"), "first try");
    await drive(() => deliver(db, ref()));
    expect(existsSync(join(folder(), "mark"))).toBe(true);
  });

  test("of a later run does not pass off what an earlier run had written", async () => {
    await approved();
    // Everything is written, but the job is not yet completed.
    const dying = withHooks(db, (n) => {
      if (n === 5) throw new Error("the process died");
    });
    await thrownBy(deliver(dying, ref()));
    expect(existsSync(folder())).toBe(true);
    writeFileSync(join(folder(), "old"), "of the first run");
    await move("gave_up");
    await retryJob({ ctx, input: { id: job.publicId } });
    await nextRunner(1);
    await move("loop_green", "passed");
    await drive(() => deliver(db, ref(2)));
    expect(existsSync(join(folder(), "old"))).toBe(false);
    expect(existsSync(join(`${folder()}.run-1`, "old"))).toBe(true);
    expect(readFileSync(join(folder(), "SPEC.md"), "utf8")).toBe(SPEC);
  });

  test("does not touch a job that was cancelled, and cannot be cancelled once it began", async () => {
    await approved();
    await cancelJob({ ctx, input: { id: job.publicId } });
    expect(await thrownBy(deliver(db, ref()))).toBeInstanceOf(Ended);
    expect(existsSync(folder())).toBe(false);
    await retryJob({ ctx, input: { id: job.publicId } });
    await nextRunner(1);
    await move("loop_green", "passed");
    const dying = withHooks(db, (n) => {
      if (n === 1) throw new Error("the process died");
    });
    await thrownBy(deliver(dying, ref(2)));
    expect(await refusalOf(cancelJob({ ctx, input: { id: job.publicId } }))).toBe("conflict");
    await drive(() => deliver(db, ref(2)));
    expect((await reload(db, job)).state).toBe("completed");
  });
});

describe("a step body", () => {
  const body = (work: () => unknown) => stepBody(ref(), async () => work());
  const throwing = (error: Error) => () => {
    throw error;
  };

  test("turns what it throws into what the engine can act on", async () => {
    expect(await body(() => ({ a: 1 }))).toEqual({ s: "done", v: { a: 1 } });
    expect(await body(throwing(new NotYet({ kind: "paused" })))).toEqual({ s: "paused" });
    expect(await body(throwing(new NotYet({ kind: "later", ms: 5 })))).toEqual({ s: "later", ms: 5 });
    expect(await body(throwing(new NotYet({ kind: "command", command: "c" })))).toEqual({
      s: "command",
      command: "c",
    });
    expect(await body(throwing(new Ended()))).toEqual({ s: "ended" });
    await expect(body(throwing(new Error("a fault")))).rejects.toThrow("a fault");
    expect((await reload(db, job)).state).toBe("running");
  });

  const away = Object.assign(new Error("the database system is starting up"), { code: "57P03" });

  test("waits for a database that is away, and is no failure when it is back", async () => {
    let asked = 0;
    const work = () => (++asked < 3 ? throwing(away)() : { asked });
    expect(await body(work)).toEqual({ s: "done", v: { asked: 3 } });
  });

  test("fails when the database stays away", async () => {
    const patienceMs = 300;
    await expect(stepBody(ref(), async () => throwing(away)(), patienceMs)).rejects.toBe(away);
  });

  test("that another call of the same step has overtaken takes what that one came to", async () => {
    await move("loop_green");
    let asked = 0;
    // Both have seen the job before it was moved; the other one is quicker.
    const work = async () => {
      if (++asked === 1) {
        await move("passed");
        await move("passed");
      }
      return verify(db, ref());
    };
    expect(await stepBody(ref(), work)).toEqual({ s: "done", v: { passed: true } });
    expect(asked).toBe(2);
  });

  test("that is in conflict again and again is a failure", async () => {
    let asked = 0;
    const work = () => {
      asked++;
      throw new AppError("conflict", "not now");
    };
    await expect(body(work)).rejects.toThrow("not now");
    expect(asked).toBe(3);
  });

  test("hands over no more than 8 KB", async () => {
    await expect(body(() => ({ text: "x".repeat(9_000) }))).rejects.toThrow(/8192/);
  });

  test.each([
    ["gives up", new GiveUp("code", "why \u0000 not"), "failed", "code"],
    ["is stuck", new Stuck("round and round"), "escalated", "stuck"],
  ])("that %s ends the job with the reason, once", async (_name, error, state, errorCode) => {
    expect(await body(throwing(error))).toEqual({ s: "ended" });
    expect(await reload(db, job)).toMatchObject({ state, errorCode, leaseWorkerId: null });
    const log = await typesOf();
    expect(await body(throwing(error))).toEqual({ s: "ended" });
    expect(await typesOf()).toEqual(log);
  });

  test("of an earlier run leaves the present one alone", async () => {
    await move("gave_up");
    await retryJob({ ctx, input: { id: job.publicId } });
    expect(await body(throwing(new GiveUp("late", "too late")))).toEqual({ s: "ended" });
    expect((await reload(db, job)).state).toBe("pending");
    expect(await thrownBy(activeJob(db, ref()))).toBeInstanceOf(Ended);
  });
});

describe("a run", () => {
  test("belongs to the first engine run that takes it", async () => {
    const takes = await Promise.allSettled(["a", "b", "c", "d"].map((id) => takeRun(db, ref(), id)));
    expect(takes.filter((take) => take.status === "fulfilled")).toHaveLength(1);
    const { engineRunId } = await reload(db, job);
    expect(await takeRun(db, ref(), engineRunId ?? "")).toEqual({ taken: true });
    expect(await thrownBy(takeRun(db, ref(), "e"))).toBeInstanceOf(Ended);
    expect(await thrownBy(takeRun(db, ref(2), "e"))).toBeInstanceOf(Ended);
  });

  test("ends when its working time is used up, and waits while it is paused", async () => {
    await db.job.update({ where: { id: job.id }, data: { leasedMs: 3_600_001n } });
    expect(await thrownBy(activeJob(db, ref()))).toMatchObject({ code: "timeout" });
    await move("pause");
    expect(await thrownBy(activeJob(db, ref()))).toBeInstanceOf(NotYet);
  });
});
