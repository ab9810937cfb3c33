// The scripted model against the real agent loop: a plan, the mend and a test come about through the tools that every
// model has, over the provider's own protocol. The package is made up here; nothing is fetched.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { takeTurn } from "@/server/agents/take-turn";
import { writeCommand } from "@/server/agents/tools";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { beginPlan, writePlan } from "@/server/loop/plan";
import { writeAndCommit } from "@/server/loop/run-programs";
import { beginAgent } from "@/server/loop/work-on-task";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { readBlob } from "@/server/workspaces/read-files";
import { createRepository } from "@/server/workspaces/repository";
import { driveStep } from "../support/drive-step";
import { HandRunner } from "../support/hand-runner";
import { addTeam, addWorkers, type Core, fileJob, reload, startCore } from "../support/settings";
import { type RunningModel, startScriptedModel } from "./scripted-model";
import type { PackageTask } from "./task";

const TASK: PackageTask = {
  name: "made-up",
  stack: "python",
  source: { debian: "none", version: "0" },
  title: 'The sum of "nothing" is wrong',
  description: "total([]) gives 1.",
  inject: [{ file: "total.py", find: "sum(numbers)", replace: "sum(numbers) or 1" }],
  addTest: [{ file: "tests/test_empty.py", content: "import unittest\n" }],
  suite: ["tests"],
};
const BROKEN = "def total(numbers):\n    return sum(numbers) or 1\n";
const OTHER: PackageTask = { ...TASK, name: "other", title: "Something else" };

let model: RunningModel;
let core: Core;
let db: Db;
let ctx: Ctx;
let runner: HandRunner;

beforeAll(async () => {
  model = await startScriptedModel([OTHER, TASK]);
  core = await startCore({ ANTHROPIC_API_KEY: "test", ANTHROPIC_BASE_URL: model.url });
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterEach(() => runner.stop());
afterAll(async () => {
  await core.close();
  await model.stop();
});

test("plans, mends and tests a task through the agent loop", async () => {
  const [worker = ""] = await addWorkers(db, 1);
  const played = "anthropic/claude-sonnet-5-5";
  const models = { planner: played, coder: played, tester: played };
  const { title, description } = TASK;
  await fileJob(ctx, { title, description, tech_stack: "python", models });
  runner = new HandRunner(db, worker);
  const job = await runner.claim();
  await createRepository(jobRepository(job.publicId));
  runner.serve();
  await driveStep(() =>
    writeAndCommit(db, job, {
      write: { key: "base/write", spec: writeCommand("total.py", BROKEN) },
      commit: { key: "base/commit", message: "Base" },
    }),
  );
  const ref = { job: job.publicId, run: job.run };
  const finish = async ({ agent }: { agent: string | null }) => {
    for (let n = 1; agent; n++) if ((await driveStep(() => takeTurn(db, ref, agent, n))).finished) return n;
    return 0;
  };

  expect(await finish(await driveStep(() => beginPlan(db, ref)))).toBe(1);
  expect(await driveStep(() => writePlan(db, ref))).toEqual({ tasks: 1 });
  const task = { ...ref, n: 1, of: 1 };
  expect(await finish(await driveStep(() => beginAgent(db, task, "coder")))).toBe(3);
  expect(await finish(await driveStep(() => beginAgent(db, task, "tester")))).toBe(2);

  const commit = (await reload(db, job)).headCommit as string;
  const text = async (path: string) =>
    (await readBlob(jobRepository(job.publicId), commit, path, 10_000))?.bytes.toString("utf8");
  expect(await text("total.py")).toBe(BROKEN.replace(" or 1", ""));
  expect(await text("tests/test_empty.py")).toBe(TASK.addTest[0]?.content);
  expect(model.requests()).toEqual([
    "planner made-up",
    "coder made-up",
    "coder made-up",
    "coder made-up",
    "tester made-up",
    "tester made-up",
  ]);
});
