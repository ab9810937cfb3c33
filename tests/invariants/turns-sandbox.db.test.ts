// Invariant 8 against a worker and its sandbox: what a turn comes to is what the server itself made of the bundle, and
// the calls of a turn ran in one sandbox or run again.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startAgentRun } from "@/server/agents/start-agent-run";
import { takeTurn } from "@/server/agents/take-turn";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import type { Job } from "@/server/generated/prisma/client";
import { runTogether, writeAndCommit } from "@/server/loop/run-programs";
import type { ToolResult } from "@/server/models/port";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { readTree } from "@/server/workspaces/read-files";
import { createRepository } from "@/server/workspaces/repository";
import { driveStep } from "../support/drive-step";
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
let runner: HandRunner;

beforeAll(async () => {
  core = await startScriptedCore();
  ({ model, db, ctx } = core);
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  model.asked.length = 0;
  const [worker = ""] = await addWorkers(db, 1);
  await fileJob(ctx, { models: { coder: "anthropic/claude-sonnet-5-5" } });
  runner = new HandRunner(db, worker);
  job = await runner.claim();
  await createRepository(jobRepository(job.publicId));
  await startAgentRun(db, { job, key: KEY, role: "coder", first: "Build it.", task: 1 });
});
afterEach(() => runner.stop());

const write = (path: string) => ({ name: "write", input: { path, content: `${path}\n` } });
const rows = () => db.turn.findMany({ where: { agentRun: { jobId: job.id } }, orderBy: { n: "asc" } });
const observed = async () => (await rows()).at(-1)?.observations as unknown as ToolResult[];
const head = async () => (await reload(db, job)).headCommit;
const files = async () => {
  const commit = await head();
  return commit ? (await readTree(jobRepository(job.publicId), commit)).map(({ path }) => path) : [];
};

const turn = (n: number) => driveStep(() => takeTurn(db, { job: job.publicId, run: 1 }, KEY, n));

describe("a worker's word about a snapshot", () => {
  test("without a bundle makes no commit of it", async () => {
    runner.serve(undefined, ({ spec }) =>
      spec.kind === "snapshot" ? { snapshot: { commit: "a".repeat(40), tree: "b".repeat(40) } } : null,
    );
    model.script = [{ calls: [write("a.txt")] }];
    await turn(1);
    expect(await head()).toBeNull();
    expect((await observed())[0]).toMatchObject({ isError: true });
    expect((await observed())[0]?.content).toContain("cannot be kept");
  });

  test("counts for nothing against the commit that was made of its bundle", async () => {
    runner.serve();
    model.script = [{ calls: [write("first.txt")] }, { calls: [write("second.txt")] }];
    await turn(1);
    const first = (await head()) ?? "";
    runner.twist = (result) => ({
      ...result,
      snapshot: result.snapshot && { commit: first, tree: result.snapshot.tree },
    });
    await turn(2);
    const made = await db.command.findMany({
      where: { jobId: job.id, madeCommit: { not: null } },
      orderBy: { position: "asc" },
    });
    expect(made.map(({ madeCommit }) => madeCommit)).toEqual([first, await head()]);
    expect((await rows()).map(({ commit, tree }) => [commit, tree])).toEqual(
      made.map(({ madeCommit, madeTree }) => [madeCommit, madeTree]),
    );
    expect(await files()).toEqual(["first.txt", "second.txt"]);
  });
});

describe("a sandbox that dies under its lease", () => {
  test.each([1, 2])("after %d calls of a turn: all of them run again", async (survived) => {
    model.script = [{ calls: [write("kept.txt")] }, { calls: [write("a.txt"), write("b.txt")] }];
    runner.serve(async () => {
      if (runner.seen.length === 2 + survived) await runner.loseSandbox();
      return true;
    });
    await turn(1);
    await turn(2);
    expect(await files()).toEqual(["a.txt", "b.txt", "kept.txt"]);
    expect((await rows())[1]).toMatchObject({ attempt: 1, commit: await head() });
    expect((await observed()).map(({ isError }) => isError)).toEqual([false, false]);
    expect(model.asked).toHaveLength(2);
  });

  test("between two turns is not noticed: the next one has the last commit", async () => {
    model.script = [{ calls: [write("a.txt")] }, { calls: [write("b.txt")] }];
    runner.serve(async () => {
      if (runner.seen.length === 2) await runner.loseSandbox();
      return true;
    });
    await turn(1);
    await turn(2);
    expect(await files()).toEqual(["a.txt", "b.txt"]);
    expect((await rows()).map(({ attempt }) => attempt)).toEqual([0, 0]);
  });

  test("every time is told to the model in the end", async () => {
    model.script = [{ calls: [write("a.txt"), write("b.txt")] }];
    runner.serve(async () => {
      // Between the two calls of every attempt.
      if (runner.seen.length % 3 === 1) await runner.loseSandbox();
      return true;
    });
    await turn(1);
    expect((await rows())[0]).toMatchObject({ attempt: 2 });
    expect(await files()).toEqual(["b.txt"]);
    for (const { isError, content } of await observed()) {
      expect(isError).toBe(true);
      expect(content).toContain("The sandbox was lost");
    }
  });

  test("between the writing of a file and its commit: both are done again", async () => {
    runner.serve(async () => {
      if (runner.seen.length === 1) await runner.loseSandbox();
      return true;
    });
    const spec = {
      kind: "exec" as const,
      argv: ["sh", "-c", "echo plan > SPEC.md"],
      cwd: ".",
      env: {},
      stdin: null,
      timeout_ms: 5_000,
      max_output_bytes: 1_000,
      live: false,
    };
    await driveStep(() =>
      writeAndCommit(db, job, { write: { key: "w", spec }, commit: { key: "c", message: "plan" } }),
    );
    expect(await files()).toEqual(["SPEC.md"]);
    expect(runner.seen).toHaveLength(4);
  });

  test("with every program of a group is not tried for ever", async () => {
    runner.serve(async () => {
      if (runner.seen.length % 2 === 1) await runner.loseSandbox();
      return true;
    });
    const spec = (argv: string[]) => ({
      kind: "exec" as const,
      argv,
      cwd: ".",
      env: {},
      stdin: null,
      timeout_ms: 5_000,
      max_output_bytes: 1_000,
      live: false,
    });
    const group = [
      { key: "make", spec: spec(["touch", "report"]) },
      { key: "read", spec: spec(["cat", "report"]) },
    ];
    const [results = []] = await driveStep(() => runTogether(db, job, [group]));
    expect(results[1]?.exit_code).not.toBe(0);
    expect(runner.seen).toHaveLength(6);
    expect((await eventsOf(db, job)).filter(({ type }) => type === "command.finished")).toHaveLength(6);
  });
});
