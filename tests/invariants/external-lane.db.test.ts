// What the factory does around an external agent: people's words reach it once and in order, a plan is read before it
// begins, tests that it never sees judge it, a base that moved is merged, and a pause keeps what it was about to send.
// Real git, real HTTP remotes, real test runners; the model of the factory's own agents is a script.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { external, prepareExternal } from "@/inngest/functions/external";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { createProjectInput } from "@/server/domain/project";
import type { Job } from "@/server/generated/prisma/client";
import { deliver } from "@/server/loop/deliver";
import { heldBackFor } from "@/server/loop/hold-back";
import { setUp, takeRun } from "@/server/loop/set-up";
import { moveJob } from "@/server/services/jobs/move-job";
import { pauseJob } from "@/server/services/jobs/pause-job";
import { resumeJob } from "@/server/services/jobs/resume-job";
import { retryJob } from "@/server/services/jobs/retry-job";
import { createProject } from "@/server/services/projects/create-project";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { approvePlan, requestChanges } from "@/server/services/steering/decide-plan";
import { listMessages } from "@/server/services/steering/list-messages";
import { sendMessage } from "@/server/services/steering/send-message";
import { workspaceText } from "@/server/services/workspace/workspace-files";
import { driveStep } from "../support/drive-step";
import { ExternalHost } from "../support/external-host";
import { GitServer } from "../support/git-server";
import { HandRunner } from "../support/hand-runner";
import { type Said, ScriptedModel } from "../support/scripted-model";
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
} from "../support/settings";
import { type StraightEngine, straightEngine } from "../support/straight-engine";
import { toolchainDir } from "../support/toolchain";

const SPEC = "# Sums\n\n- [ ] Add numbers\n";
const TICKED = SPEC.replace("[ ]", "[x]");
const CANARY = "held-back-canary-7f3a";
const CREDENTIALS = { username: "robot", password: "tok3n-of-the-lane" };
const TOKEN = "registration-token-of-this-test";

const scratch = mkdtempSync(join(tmpdir(), "fabrica-lane-"));
let model: ScriptedModel;
let git: GitServer;
let core: Core;
let db: Db;
let ctx: Ctx;
let places: Record<string, string>;
let answerWorker: (request: Request) => Promise<Response>;
let engine: StraightEngine;
let job: Job;
const runners: HandRunner[] = [];
const hosts: ExternalHost[] = [];

beforeAll(async () => {
  model = await ScriptedModel.start();
  git = await GitServer.start({ credentials: CREDENTIALS });
  core = await startCore({
    ANTHROPIC_API_KEY: "test",
    ANTHROPIC_BASE_URL: model.url,
    GIT_REMOTES: git.origin,
    FABRICA_RUNNER_TOKEN: TOKEN,
  });
  db = core.db;
  ({ answerWorkerRequest: answerWorker } = await import("@/server/api/worker/handle-worker-call"));
  ctx = await addTeam(db, "north", { role: "admin" });
  places = { "/opt/toolchain": await toolchainDir(), "/tmp": scratch };
}, 600_000);
afterAll(async () => {
  await core.close();
  await git.stop();
  await model.close();
  rmSync(scratch, { recursive: true, force: true });
});
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  model.asked.length = 0;
  engine = straightEngine();
});
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.stop();
  for (const host of hosts.splice(0)) await host.leave();
});

const ref = () => ({ job: job.publicId, run: job.run, engine: "engine" });

/** A project with a repository of its own on the git server, checked by its `check.sh`. */
async function addProject(name: string, files: Record<string, string>) {
  const upstream = git.create(name);
  upstream.commit(files);
  const project = {
    name,
    repository_url: git.url(name),
    username: CREDENTIALS.username,
    token: CREDENTIALS.password,
    lint_command: "true",
    test_command: "sh check.sh",
  };
  await createProject({ ctx, input: createProjectInput.parse(project) });
  return upstream;
}

/** An ordinary runner takes the job. */
async function runnerTakes(): Promise<HandRunner> {
  const [worker = ""] = await addWorkers(db, 1);
  const runner = new HandRunner(db, worker, places);
  runners.push(runner);
  job = await runner.claim();
  return runner.serve();
}

/** The host of an external agent takes the job. */
async function agentTakes(): Promise<ExternalHost> {
  const host = await ExternalHost.register(answerWorker, TOKEN);
  hosts.push(host);
  expect(await host.claim()).toBe(true);
  expect(host.job).toBe(job.publicId);
  return host;
}

async function file(input: Record<string, unknown> = {}): Promise<void> {
  job = await fileJob(ctx, { agent: "external", tech_stack: "node", spec: SPEC, budget_usd: 50, ...input });
}

/** A job that is the agent's from the beginning. */
async function begin(input: Record<string, unknown> = {}): Promise<ExternalHost> {
  await file({ hold_back_tests: false, ...input });
  const host = await agentTakes();
  await takeRun(db, ref(), "engine");
  await driveStep(() => setUp(db, ref()));
  return host;
}

async function setUpByFactory(): Promise<void> {
  await takeRun(db, ref(), "engine");
  expect(await driveStep(() => setUp(db, ref()))).toMatchObject({ external: true, prepares: true });
}

const say = (text: string) => sendMessage({ ctx, input: { id: job.publicId, text } });
const told = async () =>
  (await listMessages({ ctx, input: { id: job.publicId, after: "0", limit: 200 } })).messages.map(
    ({ text, state }) => `${text}: ${state}`,
  );
async function asks(host: ExternalHost, ask: number): Promise<string[]> {
  const response = await host.call("messages", { ask });
  expect(response.status).toBe(200);
  const { messages } = (await response.json()) as { messages: { text: string }[] };
  return messages.map(({ text }) => text);
}
const codeOf = async (response: Response) =>
  [response.status, ((await response.json()) as { error: { code: string } }).error.code] as const;
const logged = async (type: string) =>
  (await eventsOf(db, job)).filter((event) => event.type === type).map(({ data }) => data);

const write = (path: string, content: string) => ({ name: "write", input: { path, content } });
const finish = (input: object, ...calls: object[]): Said => ({
  text: "So be it.",
  calls: [...(calls as NonNullable<Said["calls"]>), { name: "finish", input }],
});
const testOf = (says: string) =>
  `import assert from "node:assert";\nimport test from "node:test";\nimport { add } from "../a.js";\n\ntest("${says}", () => assert.equal(add(1, 2), 3));\n`;
const TESTER = finish(
  { summary: "tested", test_files: ["test/unseen.test.js"], held_back: ["test/unseen.test.js"] },
  write("test/unseen.test.js", testOf(CANARY)),
);
const WORK = {
  "SPEC.md": TICKED,
  "package.json": '{ "type": "module" }\n',
  "a.js": "export const add = (a, b) => a + b;\n",
  "test/a.test.js": testOf("adds"),
};

describe("what people say to a job of an external agent", () => {
  test("is handed out in order and once; an answer that was lost is given again", async () => {
    const host = await begin();
    expect(await asks(host, 1)).toEqual([]);
    await say("one");
    await say("two");
    expect(await told()).toEqual(["one: waiting", "two: waiting"]);
    const [first, again] = await Promise.all([asks(host, 2), asks(host, 2)]);
    expect([first, again]).toEqual([
      ["one", "two"],
      ["one", "two"],
    ]);
    expect(await told()).toEqual(["one: read", "two: read"]);
    await say("three");
    // What was asked before stays as it was answered.
    expect(await asks(host, 2)).toEqual(["one", "two"]);
    expect(await asks(host, 1)).toEqual([]);
    expect(await asks(host, 3)).toEqual(["three"]);
    expect(await asks(host, 4)).toEqual([]);
    expect(await logged("steer.delivered")).toEqual([
      { messages: [expect.any(String), expect.any(String)], agent_run: "external agent", turn: 2 },
      { messages: [expect.any(String)], agent_run: "external agent", turn: 3 },
    ]);
  });

  test("is told again to the next host when nothing came of it, and not when its work came in", async () => {
    const host = await begin();
    await say("acted on");
    expect(await asks(host, 1)).toEqual(["acted on"]);
    expect(await (await host.work({ "a.js": "1\n" })).json()).toMatchObject({ accepted: true });
    await say("lost with the host");
    expect(await asks(host, 2)).toEqual(["lost with the host"]);
    await expireLease(db, job);
    await sweepLeases(db, 120);
    expect(await codeOf(await host.call("messages", { ask: 3 }))).toEqual([410, "lease_over"]);
    const next = await agentTakes();
    expect(await asks(next, 1)).toEqual(["lost with the host"]);
    expect(await asks(next, 2)).toEqual([]);
    expect(await told()).toEqual(["acted on: read", "lost with the host: read"]);
  });

  test("is read before the work counts as complete, and refused from then on", async () => {
    const host = await begin();
    await host.work(WORK);
    await say("and subtract, please");
    expect(await codeOf(await host.call("complete"))).toEqual([422, "unprocessable"]);
    expect((await reload(db, job)).state).toBe("running");
    expect(await asks(host, 1)).toEqual(["and subtract, please"]);
    expect((await host.call("complete")).status).toBe(204);
    expect(await refusalOf(say("too late"))).toBe("conflict");
    await pauseJob({ ctx, input: { id: job.publicId } });
    expect(await refusalOf(say("still too late"))).toBe("conflict");
    expect(await told()).toEqual(["and subtract, please: read"]);
  });

  test.each([
    [{ ask: 0 }],
    [{ ask: -1 }],
    [{ ask: 1.5 }],
    [{ ask: "1" }],
    [{}],
    [{ ask: 2 ** 40 }],
    [{ ask: 1, fence: 99 }],
  ])("%j is no asking, and marks nothing as read", async (body) => {
    const host = await begin();
    await say("hello");
    const { status } = await host.call("messages", body);
    expect(status).toBe("fence" in body ? 409 : 400);
    expect(await told()).toEqual(["hello: waiting"]);
  });
});

describe("before an external agent begins", () => {
  test("a tester writes tests from the plan alone, which the agent is never given and which judge it", async () => {
    await file();
    expect(job).toMatchObject({ agent: "external", needs: "runner", prepares: true });
    model.script = [TESTER];
    await runnerTakes();
    await setUpByFactory();
    await say("this is for the agent");
    expect(await prepareExternal(engine.step, ref())).toBe(true);
    expect(await reload(db, job)).toMatchObject({
      state: "running",
      needs: "agent",
      prepares: false,
      claimable: true,
      leaseWorkerId: null,
    });
    expect((await heldBackFor(db, await reload(db, job))).map(({ path }) => path)).toEqual([
      "test/unseen.test.js",
    ]);
    expect(JSON.stringify(model.asked)).not.toContain("this is for the agent");
    const host = await agentTakes();
    const brief = await (await host.call("brief", { wait_ms: 0 })).text();
    const { files, objects } = await host.download();
    expect(files).toEqual({ "SPEC.md": SPEC });
    expect(objects + brief).not.toContain(CANARY);
    expect(await asks(host, 1)).toEqual(["this is for the agent"]);
    // It does what its own test wants.
    const wrong = {
      "a.js": "export const add = () => 4;\n",
      "test/a.test.js": testOf("adds").replace("3)", "4)"),
    };
    await host.work({ ...WORK, ...wrong });
    expect((await host.call("complete")).status).toBe(204);
    await runnerTakes();
    expect(await external(engine.step, ref(), false)).toBe(false);
    const rejected = await reload(db, job);
    expect(rejected.state).toBe("escalated");
    expect(rejected.errorMessage).toContain("held-back tests");

    // The next run goes straight to the agent, and the same tests judge it.
    await db.$transaction((tx) =>
      moveJob(tx, { job: job.id, move: "retry_with_advice", actor: "person:ana" }),
    );
    job = await reload(db, job);
    expect(job).toMatchObject({ run: 2, needs: "agent", prepares: false });
    const again = await agentTakes();
    await takeRun(db, ref(), "engine");
    expect(await driveStep(() => setUp(db, ref()))).toMatchObject({ external: true });
    const { files: second, objects: all } = await again.download();
    expect(second["SPEC.md"]).toContain("- [ ] Mend: held-back tests");
    expect(all).not.toContain(`test("${CANARY}"`);
    await again.work({ ...WORK, "SPEC.md": (second["SPEC.md"] as string).replace("[ ]", "[x]") });
    expect((await again.call("complete")).status).toBe(204);
    await runnerTakes();
    expect(await external(straightEngine().step, ref(), false)).toBe(true);
    expect((await reload(db, job)).state).toBe("approved");
    const held = await db.checkRun.findFirst({ where: { jobId: job.id, run: 2, key: "verify/held-back" } });
    expect(held?.passed).toBe(true);
  }, 120_000);

  test("a tester that comes to nothing is for a person, and nothing of its own reaches the agent", async () => {
    await file();
    model.script = [
      { text: "Half of it.", calls: [write("test/unseen.test.js", testOf(CANARY))] },
      { text: "I cannot say more." },
    ];
    await runnerTakes();
    await setUpByFactory();
    expect(await prepareExternal(engine.step, ref())).toBe(false);
    expect(await reload(db, job)).toMatchObject({ state: "escalated", prepares: true });
    await db.$transaction((tx) =>
      moveJob(tx, { job: job.id, move: "retry_with_advice", actor: "person:ana" }),
    );
    model.script = [TESTER];
    await runnerTakes();
    await setUpByFactory();
    expect(await workspaceText(await reload(db, job), "test/unseen.test.js")).toBeNull();
    expect(await prepareExternal(straightEngine().step, ref())).toBe(true);
    const host = await agentTakes();
    const { files, objects } = await host.download();
    expect(files).toEqual({ "SPEC.md": SPEC });
    expect(objects).not.toContain(CANARY);
    expect((await heldBackFor(db, await reload(db, job))).map(({ path }) => path)).toEqual([
      "test/unseen.test.js",
    ]);
  }, 60_000);

  test("a plan is written and read by a person, may be sent back and edited, and nobody claims before", async () => {
    await file({
      spec: undefined,
      approve_plan: true,
      hold_back_tests: false,
      title: "Sums",
      features: ["add"],
    });
    expect(job).toMatchObject({ needs: "runner", prepares: true });
    const early = await ExternalHost.register(answerWorker, TOKEN);
    hosts.push(early);
    expect(await early.claim()).toBe(false);
    model.script = [finish({ spec: "# One\n\n- [ ] first\n" }), finish({ spec: "# Two\n\n- [ ] second\n" })];
    await runnerTakes();
    await setUpByFactory();
    const wait = engine.step.waitForEvent.bind(engine.step);
    const decisions = [
      () => requestChanges({ ctx, input: { id: job.publicId, version: 1, text: "not so" } }),
      () => approvePlan({ ctx, input: { id: job.publicId, version: 2, spec: SPEC } }),
    ];
    const step = Object.assign(engine.step, {
      async waitForEvent(name: string, ...rest: unknown[]) {
        const now = await reload(db, job);
        if (now.state !== "paused") return (wait as (...args: unknown[]) => unknown)(name, ...rest);
        expect(now).toMatchObject({ waitingCode: "plan", leaseWorkerId: null });
        expect(await early.claim()).toBe(false);
        await decisions.shift()?.();
        await runnerTakes();
        return null;
      },
    });
    expect(await prepareExternal(step as typeof engine.step, ref())).toBe(true);
    expect(decisions).toEqual([]);
    expect(await reload(db, job)).toMatchObject({ needs: "agent", prepares: false });
    expect(await early.claim()).toBe(true);
    expect((await early.download()).files).toEqual({ "SPEC.md": SPEC });
    expect(await db.task.findMany({ where: { jobId: job.id }, select: { title: true } })).toEqual([
      { title: "Add numbers" },
    ]);
  }, 60_000);

  test("a run that ended before it was lent is prepared again by the factory", async () => {
    await file();
    await runnerTakes();
    await setUpByFactory();
    await db.$transaction((tx) =>
      moveJob(tx, { job: job.id, move: "gave_up", actor: "factory", reason: "the engine" }),
    );
    await retryJob({ ctx, input: { id: job.publicId } });
    expect(await reload(db, job)).toMatchObject({ run: 2, needs: "runner", prepares: true });
  });

  test.each([
    ["without held-back tests", { hold_back_tests: false }],
    ["with a simulated tester", { models: { tester: "simulation/sim-1" } }],
  ])("%s there is nothing to prepare", async (_, input) => {
    await file(input);
    expect(job).toMatchObject({ needs: "agent", prepares: false });
  });
});

describe("a base that moves while an external agent works", () => {
  const CHECK = 'grep -q "^new" notes.txt\n';
  const OTHERS = Array.from({ length: 12 }, (_, n) => `line ${n}\n`).join("");
  let number = 0;
  let name = "";

  async function change(): Promise<{ host: ExternalHost; upstream: ReturnType<GitServer["create"]> }> {
    name = `moved-${++number}`;
    const upstream = await addProject(name, {
      "notes.txt": `old\n${OTHERS}end\n`,
      "check.sh": CHECK,
    });
    const host = await begin({ project: name, tech_stack: undefined, spec: undefined, title: "New notes" });
    return { host, upstream };
  }
  const DONE = { ".fabrica/SPEC.md": "# New notes\n\n- [x] New notes\n" };

  test("is merged before validation, and the branch stands on it", async () => {
    const { host, upstream } = await change();
    await host.work({ ...DONE, "notes.txt": `new\n${OTHERS}end\n` });
    upstream.commit({ "notes.txt": `old\n${OTHERS}END\n`, "more.txt": "1\n" });
    const moved = upstream.tip();
    expect((await host.call("complete")).status).toBe(204);
    await runnerTakes();
    expect(await external(engine.step, ref(), true)).toBe(true);
    expect((await reload(db, job)).baseCommit).toBe(moved);
    await driveStep(() => deliver(db, ref()));
    const branch = `fabrica/${job.publicId}`;
    expect(upstream.git(["show", `${branch}:notes.txt`]).trim()).toBe(`new\n${OTHERS}END`);
    expect(upstream.git(["merge-base", "main", branch]).trim()).toBe(moved);
    expect((await reload(db, job)).state).toBe("completed");
  }, 60_000);

  test("with conflicts is mended by the factory's fixer", async () => {
    const { host, upstream } = await change();
    await host.work({ ...DONE, "notes.txt": `new mine\n${OTHERS}end\n` });
    upstream.commit({ "notes.txt": `old theirs\n${OTHERS}end\n` });
    expect((await host.call("complete")).status).toBe(204);
    model.script = [
      finish(
        { summary: "both", root_cause: "both changed the first line", files_changed: ["notes.txt"] },
        write("notes.txt", `new mine and theirs\n${OTHERS}end\n`),
      ),
    ];
    await runnerTakes();
    expect(await external(engine.step, ref(), true)).toBe(true);
    expect(await workspaceText(await reload(db, job), "notes.txt")).toContain("new mine and theirs");
    expect(model.asked).toHaveLength(1);
    expect(JSON.stringify(model.asked)).toContain("conflict");
    // Asked again by another engine run it is the same merge.
    expect(await external(straightEngine().step, ref(), true)).toBe(true);
    expect(await db.task.count({ where: { jobId: job.id } })).toBe(2);
  }, 60_000);

  test("with conflicts that nobody can mend goes to a person, with the reason", async () => {
    const { host, upstream } = await change();
    await host.work({ ...DONE, "notes.txt": `new mine\n${OTHERS}end\n` });
    upstream.commit({ "notes.txt": `old theirs\n${OTHERS}end\n` });
    expect((await host.call("complete")).status).toBe(204);
    // It says the same again and again, and so does the debugger.
    model.script = [{ text: "I do not know." }];
    await runnerTakes();
    expect(await external(engine.step, ref(), true)).toBe(false);
    const after = await reload(db, job);
    expect([after.state, after.leaseWorkerId]).toEqual(["escalated", null]);
    expect(after.errorCode).toBe("stuck");
  }, 60_000);
});

describe("a pause while an external agent works", () => {
  test("takes in what the agent has made, until somebody else has the job", async () => {
    const host = await begin();
    await say("kept with the work");
    expect(await asks(host, 1)).toEqual(["kept with the work"]);
    const before = (await reload(db, job)).headCommit;
    // The files are fetched under the lease, and sent when it is over.
    const late = host.work(
      { "late.js": "1\n" },
      { beforeSending: () => pauseJob({ ctx, input: { id: job.publicId } }) },
    );
    const answer = await (await late).json();
    expect(answer).toMatchObject({ accepted: true, paused: true });
    const paused = await reload(db, job);
    expect([paused.state, paused.headCommit]).toEqual(["paused", answer.commit]);
    expect(paused.headCommit).not.toBe(before);
    for (const [path, body] of [
      ["messages", { ask: 2 }],
      ["external", { first: 0, events: [{ type: "iteration", n: 1 }] }],
      ["complete", {}],
    ] as const)
      expect(await codeOf(await host.call(path, body)), path).toEqual([410, "lease_over"]);
    await resumeJob({ ctx, input: { id: job.publicId } });
    const next = await agentTakes();
    expect((await next.download()).files["late.js"]).toBe("1\n");
    expect(await asks(next, 1)).toEqual([]);
    expect(
      await codeOf(await host.send(`bundle?job_id=${host.job}&fence=${host.fence}`, { raw: "x" })),
    ).toEqual([410, "lease_over"]);
  });

  test.each(["cancel", "lost"] as const)("%s takes in nothing afterwards", async (how) => {
    const host = await begin();
    const before = (await reload(db, job)).headCommit;
    const end = async () => {
      if (how === "lost") {
        await expireLease(db, job);
        await sweepLeases(db, 120);
      } else await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "cancel", actor: "person:ana" }));
    };
    const response = await host.work({ "late.js": "1\n" }, { beforeSending: end });
    expect(await codeOf(response)).toEqual([410, "lease_over"]);
    expect((await reload(db, job)).headCommit).toBe(before);
  });

  test("another host cannot send under a lease that was never its own", async () => {
    const host = await begin();
    const other = await ExternalHost.register(answerWorker, TOKEN);
    hosts.push(other);
    await pauseJob({ ctx, input: { id: job.publicId } });
    const path = `bundle?job_id=${host.job}&fence=${host.fence}`;
    expect(await codeOf(await other.send(path, { raw: "x" }))).toEqual([404, "not_found"]);
  });
});

describe("files that an external agent takes", () => {
  test("are held for its job, shown, and flagged on both jobs where another one has them", async () => {
    const name = "locked";
    await addProject(name, { "a.txt": "1\n", "b.txt": "1\n", "check.sh": "true\n" });
    const input = { project: name, tech_stack: undefined, spec: undefined };
    const first = await begin(input);
    const one = job;
    const second = await begin(input);
    const lock = async (host: ExternalHost, ...files: string[]) =>
      (await (await host.call("lock", { files })).json()) as { conflicts: object[] };
    expect(await lock(first, "a.txt")).toEqual({ conflicts: [] });
    expect(await lock(second, "a.txt", "b.txt")).toEqual({
      conflicts: [{ path: "a.txt", holder: one.publicId }],
    });
    const { listLocks } = await import("@/server/services/locks/list-locks");
    const held = JSON.stringify(await listLocks({ ctx }));
    expect(held).toContain("b.txt");
    expect(await logged("files.conflict")).toEqual([{ with: one.publicId, paths: ["a.txt"], more: 0 }]);
    const other = job.publicId;
    job = one;
    expect(await logged("files.conflict")).toEqual([{ with: other, paths: ["a.txt"], more: 0 }]);
  });
});
