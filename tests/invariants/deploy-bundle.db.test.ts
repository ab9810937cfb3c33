// The deploy bundle of a green job: a check of its files decides, its findings go to the next try, and after the last one a
// person is asked. The order is that of the engine functions; the model says what the test tells it to.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { writeBundle } from "@/inngest/functions/bundle-job";
import { review } from "@/inngest/functions/review-job";
import type { CommandResult } from "@/runner/protocol";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import type { Job } from "@/server/generated/prisma/client";
import { bundleFaults } from "@/server/loop/check-deploy-bundle";
import { beginDeployer } from "@/server/loop/deploy-bundle";
import { firstTurn } from "@/server/loop/first-turn";
import { writePlan } from "@/server/loop/plan";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { workspaceFiles, workspaceText } from "@/server/services/workspace/workspace-files";
import { editTree, type TreeEdit } from "@/server/workspaces/edit-tree";
import { readTree } from "@/server/workspaces/read-files";
import { createRepository } from "@/server/workspaces/repository";
import { writeCommit } from "@/server/workspaces/write-commit";
import { writeObject } from "@/server/workspaces/write-object";
import { driveStep } from "../support/drive-step";
import { HandRunner, type Seen } from "../support/hand-runner";
import { type ScriptedCore, startScriptedCore } from "../support/scripted-core";
import type { Said, ScriptedModel } from "../support/scripted-model";
import { addWorkers, eventsOf, fileJob, reload } from "../support/settings";
import { straightEngine } from "../support/straight-engine";

const SPEC = "# Sums\n\n- [ ] Add numbers\n";
const FOLDER = "deploy/systemd";
let core: ScriptedCore;
let model: ScriptedModel;
let db: Db;
let ctx: Ctx;
let runner: HandRunner;
let job: Job;

beforeAll(async () => {
  core = await startScriptedCore();
  ({ model, db, ctx } = core);
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  model.asked.length = 0;
});
afterEach(() => runner.stop());

const ref = () => ({ job: job.publicId, run: 1 });

async function begin(input: Record<string, unknown> = {}): Promise<void> {
  await fileJob(ctx, {
    spec: SPEC,
    tech_stack: "node",
    hold_back_tests: false,
    budget_usd: 50,
    deploy_targets: ["systemd"],
    ...input,
  });
  const [worker = ""] = await addWorkers(db, 1);
  runner = new HandRunner(db, worker);
  job = await runner.claim();
  await createRepository(jobRepository(job.publicId));
  runner.serve(() => true, programs);
  await driveStep(() => writePlan(db, ref()));
}

/** Linters and test runners are content; everything else is really run, the shell that reads scripts too. */
function programs({ spec }: Seen): Partial<CommandResult> | null {
  if (spec.kind !== "exec") return null;
  const argv = spec.argv.join(" ");
  const lines = [
    { v: 1, tool: "node" },
    { result: { id: "a.test.js::adds", outcome: "passed", ms: 1, message: "" } },
    { end: true },
  ];
  if (spec.argv[0] === "cat" && argv.includes("fabrica-lint"))
    return { stdout: JSON.stringify({ v: 1, tool: "eslint", problems: [], error: null }) };
  if (spec.argv[0] === "cat" && argv.includes("fabrica-tests"))
    return { stdout: lines.map((line) => JSON.stringify(line)).join("\n") };
  return /node-tests\.mjs run|eslint\.mjs/.test(argv) ? { exit_code: 0 } : null;
}

/** Commits files as somebody else has left them, and fills the sandbox with them. */
async function commit(files: Record<string, string>): Promise<void> {
  const { headCommit } = await reload(db, job);
  const dir = jobRepository(job.publicId);
  const edits = await Promise.all(
    Object.entries(files).map(async ([path, content]): Promise<TreeEdit> => {
      const oid = await writeObject(dir, "blob", Buffer.from(content));
      return [path, { mode: path.endsWith(".sh") ? "100755" : "100644", oid }];
    }),
  );
  const tree = await editTree(dir, headCommit, edits);
  const parents = headCommit === null ? [] : [headCommit];
  const head = await writeCommit(dir, { tree, parents, message: "Left by somebody", seconds: 1 });
  await db.job.update({ where: { id: job.id }, data: { headCommit: head } });
  await runner.loseSandbox();
}

const write = (path: string, content: string) => ({ name: "write", input: { path, content } });
const run = (command: string) => ({ name: "run", input: { command } });
const script = (body: string) => `#!/bin/sh\nset -eu\n${body}\n`;
const unit = (user: string) =>
  `[Service]\nExecStart=/usr/bin/env node a.js\n${user}\nNoNewPrivileges=yes\n[Install]\nWantedBy=multi-user.target\n`;

/** A whole bundle, but for what is changed in it. */
function bundle(change: Record<string, string> = {}, ...more: object[]): Said {
  const files: Record<string, string> = {
    "sums.service": unit("DynamicUser=yes"),
    "deploy.sh": script('cd -- "$(dirname -- "$0")"\n./health-check.sh'),
    "rollback.sh": script("ls"),
    "health-check.sh": script("ls"),
    ...change,
  };
  return {
    text: "So be it.",
    calls: [
      ...Object.entries(files).map(([name, text]) => write(`${FOLDER}/${name}`, text)),
      run(`chmod +x ${FOLDER}/*.sh`),
      ...(more as { name: string; input: unknown }[]),
      {
        name: "finish",
        input: { summary: "done", targets: [{ target: "systemd", files: [], health: "it" }] },
      },
    ],
  };
}
const finish = (input: object, ...calls: object[]): Said => ({
  text: "So be it.",
  calls: [...(calls as NonNullable<Said["calls"]>), { name: "finish", input }],
});

/** What the nth question's first message said. */
const told = (n: number) => JSON.stringify(model.asked[n]?.messages[0]);
const paths = async () => (await workspaceFiles(await reload(db, job))).paths;
const text = async (path: string) => workspaceText(await reload(db, job), path);
const checks = async () =>
  (await db.checkRun.findMany({ where: { jobId: job.id, kind: "deploy" }, orderBy: { id: "asc" } })).map(
    ({ key, passed }) => [key, passed],
  );
const runs = async () =>
  (await db.agentRun.findMany({ where: { jobId: job.id }, orderBy: { id: "asc" } })).map(
    ({ key, role, state }) => [key, role, state],
  );

/** Takes the whole part with an engine that remembers nothing. */
async function take() {
  const engine = straightEngine();
  return { goesOn: await writeBundle(engine.step, ref()), names: engine.names };
}

describe("a deploy bundle", () => {
  test("that is right at once costs one agent run, and its scripts can be run", async () => {
    await begin();
    model.script = [bundle()];
    expect(await take()).toEqual({ goesOn: true, names: ["deployer-1", "deploy-check-1"] });
    expect(await runs()).toEqual([["deploy/deployer-1", "deployer", "finished"]]);
    expect(await checks()).toEqual([["deploy/check-1", true]]);
    const { headCommit } = await reload(db, job);
    const files = await readTree(jobRepository(job.publicId), headCommit as string);
    expect(files.filter(({ executable }) => executable).map(({ path }) => path)).toEqual(
      ["deploy", "health-check", "rollback"].map((name) => `${FOLDER}/${name}.sh`),
    );
    expect(told(0)).toContain("systemd");
    expect(told(0)).not.toContain("<failure>");
    expect((await reload(db, job)).currentStep).toBe("bundle");
  });

  test("that is red goes back with what was found, and is mended", async () => {
    await begin();
    model.script = [
      bundle({ "sums.service": unit("User=root"), "rollback.sh": script("if true; then") }),
      bundle(),
    ];
    expect(await take()).toEqual({
      goesOn: true,
      names: ["deployer-1", "deploy-check-1", "deployer-2", "deploy-check-2"],
    });
    expect(await checks()).toEqual([
      ["deploy/check-1", false],
      ["deploy/check-2", true],
    ]);
    expect(told(1)).toContain("User=root");
    expect(told(1)).toContain("rollback.sh");
    expect(told(1)).toContain("a script that sh can read");
    expect(await reload(db, job)).toMatchObject({ state: "running", errorCode: null });
    const finished = (await eventsOf(db, job)).filter(({ type }) => type === "check.finished");
    expect(finished.map(({ data }) => [data.kind, data.passed])).toEqual([
      ["deploy", false],
      ["deploy", true],
    ]);
  });

  test("that never gets right is for a person, who is told why", async () => {
    await begin();
    model.script = [bundle({ "sums.service": unit("User=root") })];
    expect((await take()).goesOn).toBe(false);
    expect(await reload(db, job)).toMatchObject({
      state: "escalated",
      errorCode: "stuck",
      errorMessage: expect.stringContaining("User=root"),
    });
    expect((await runs()).map(([key]) => key)).toEqual([1, 2, 3].map((n) => `deploy/deployer-${n}`));
  });

  test("is asked for once, however often the steps are taken", async () => {
    await begin();
    model.script = [bundle({ "sums.service": unit("User=root") }), bundle()];
    await driveStep(() => firstTurn(db, ref(), (at) => beginDeployer(at, ref(), 1)));
    expect(model.asked).toHaveLength(1);
    await runner.loseSandbox();
    expect((await take()).goesOn).toBe(true);
    const [asked, head] = [model.asked.length, (await reload(db, job)).headCommit];
    expect(asked).toBe(2);
    expect((await take()).goesOn).toBe(true);
    expect(model.asked).toHaveLength(asked);
    expect((await reload(db, job)).headCommit).toBe(head);
    expect(await checks()).toHaveLength(2);
  });

  test("is all that a deployer changes: the rest is put back, and what was there stays", async () => {
    await begin();
    model.script = [
      bundle(
        {},
        write("SPEC.md", "# Nothing\n"),
        write("deploy/elsewhere/x.sh", "x\n"),
        write("app.js", "x\n"),
        write(".ai/progress.md", "Wrote the bundle.\n"),
      ),
    ];
    expect((await take()).goesOn).toBe(true);
    expect(await text("SPEC.md")).toBe(SPEC);
    expect(await paths()).not.toEqual(expect.arrayContaining(["app.js"]));
    expect(await paths()).not.toEqual(expect.arrayContaining(["deploy/elsewhere/x.sh"]));
    expect(await paths()).toEqual(expect.arrayContaining([`${FOLDER}/deploy.sh`, ".ai/progress.md"]));
    const notes = (await eventsOf(db, job)).filter(({ type }) => type === "job.note");
    expect(JSON.stringify(notes)).toContain("deploy/elsewhere/x.sh");
  });

  test("leaves what the project has there already, which has to pass as well", async () => {
    await begin();
    await commit({
      [`${FOLDER}/notes.conf`]: "# ours\n",
      "deploy/other/run.sh": "docker run --privileged x\n",
    });
    model.script = [bundle()];
    expect((await take()).goesOn).toBe(true);
    expect(await text(`${FOLDER}/notes.conf`)).toBe("# ours\n");
    expect(await text("deploy/other/run.sh")).toContain("--privileged");
    await commit({ [`${FOLDER}/old.socket`]: "[Socket]\n" });
    expect(await driveStep(async () => bundleFaults(db, await reload(db, job)))).toEqual([
      {
        criterion: `deploy bundle (${FOLDER}/old.socket)`,
        expected: "no other units and no drop-ins",
        observed: "it is there",
      },
    ]);
  });

  test("whose deployer is stuck is begun anew by the next one, who is told why", async () => {
    await begin();
    model.script = [
      finish(
        { summary: "no", targets: [{ target: "systemd", files: [], health: "-" }] },
        write(".ai/stuck.md", "Nobody says which port it is.\n"),
      ),
      bundle(),
    ];
    expect((await take()).goesOn).toBe(true);
    expect(told(1)).toContain("which port it is");
    expect((await runs()).map(([, , state]) => state)).toEqual(["failed", "finished"]);
  });

  test("that a fixer breaks after the review is taken back with the fix", async () => {
    await begin();
    await commit({ "package.json": '{"type":"module"}\n', "test/a.test.js": "// adds\n" });
    const findings = [
      { severity: "blocker", file: "a.js", line: 1, expected: "a sum", observed: "a difference" },
    ];
    model.script = [
      bundle(),
      finish({ verdict: "request_changes", summary: "wrong", findings }),
      finish(
        { summary: "mended", root_cause: "root", files_changed: ["x"] },
        write(`${FOLDER}/sums.service`, unit("User=root")),
      ),
    ];
    expect((await take()).goesOn).toBe(true);
    expect(await review(straightEngine().step, ref(), 1)).toBe(true);
    expect(await text(`${FOLDER}/sums.service`)).toBe(unit("DynamicUser=yes"));
    expect(await checks()).toEqual([
      ["deploy/check-1", true],
      ["review/fixed/deploy", false],
    ]);
  });
});
