// The lane of external agents through the protocol's own handlers and a real database: who may say what under which
// lease, what follows from it, and where the money goes. The provider is a fake at the network's edge.
import { execFileSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import { toMicro } from "@/server/domain/money";
import type { Job } from "@/server/generated/prisma/client";
import { takeBaseline } from "@/server/loop/baseline";
import { deliver } from "@/server/loop/deliver";
import { awaitExternal, fillForChecks, setUpExternal } from "@/server/loop/external";
import { setUp, takeRun } from "@/server/loop/set-up";
import { verify } from "@/server/loop/verify";
import { sweepCapped } from "@/server/services/external/pause-capped";
import { MAX_KEPT_EVENTS } from "@/server/services/external/report-external";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { driveStep } from "../support/drive-step";
import { ExternalHost } from "../support/external-host";
import { FakeAnthropic } from "../support/fake-anthropic";
import { GitServer } from "../support/git-server";
import { HandRunner } from "../support/hand-runner";
import {
  addTeam,
  addWorkers,
  type Core,
  eventsOf,
  expireLease,
  fileJob,
  reload,
  startCore,
} from "../support/settings";

const SPEC = "# Counter\n\n- [ ] One\n- [ ] Two\n";
const KEY = "sk-ant-the-real-key";

const CREDENTIALS = { username: "robot", password: "tok3n-of-the-change" };

let core: Core;
let git: GitServer;
let upstream: FakeAnthropic;
let ctx: Ctx;
let answerWorker: (request: Request) => Promise<Response>;

beforeAll(async () => {
  upstream = await new FakeAnthropic().start();
  git = await GitServer.start({ credentials: CREDENTIALS });
  core = await startCore({
    GIT_REMOTES: git.origin,
    ANTHROPIC_API_KEY: KEY,
    ANTHROPIC_BASE_URL: upstream.url,
    WORKER_TIMEOUT: "20",
    FABRICA_RUNNER_TOKEN: "registration-token-of-this-test",
  });
  ({ answerWorkerRequest: answerWorker } = await import("@/server/api/worker/handle-worker-call"));
  ctx = await addTeam(core.db, "external");
});
afterAll(async () => {
  await upstream.stop();
  await core.close();
  await git.stop();
});
beforeEach(() => {
  upstream.asked.splice(0);
  upstream.faults.splice(0);
  upstream.usage = { input_tokens: 1_000, output_tokens: 200 };
});
const hosts: ExternalHost[] = [];
async function register(agent?: "factory"): Promise<ExternalHost> {
  const host = await ExternalHost.register(answerWorker, "registration-token-of-this-test", agent);
  hosts.push(host);
  return host;
}
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.leave();
  await core.db
    .$executeRaw`UPDATE job SET state = 'cancelled', claimable = false WHERE state NOT IN ('completed', 'failed', 'cancelled')`;
});

const question = (more: object = {}) => ({
  model: "claude-sonnet-4-6",
  max_tokens: 1_000,
  messages: [{ role: "user", content: "hello" }],
  ...more,
});

/** A job with its host: claimed, taken by its engine run, its workspace made. */
async function begin(
  more: Record<string, unknown> = {},
): Promise<{ job: Job; host: ExternalHost; ref: Ref }> {
  const filed = await fileJob(ctx, { agent: "external", hold_back_tests: false, spec: SPEC, ...more });
  const host = await register();
  expect(await host.claim()).toBe(true);
  const ref = { job: filed.publicId, run: 1, engine: `engine ${filed.publicId}` };
  await takeRun(core.db, ref, ref.engine);
  await setUpExternal(core.db, ref);
  return { job: await reload(core.db, filed), host, ref };
}
interface Ref {
  job: string;
  run: number;
  engine: string;
}

const codeOf = async (response: Response) =>
  [response.status, ((await response.json()) as { error: { code: string } }).error.code] as const;
const typeOf = async (response: Response) =>
  [response.status, ((await response.json()) as { error: { type: string } }).error.type] as const;
const spends = (job: Job) => core.db.spend.findMany({ where: { jobId: job.id }, orderBy: { id: "asc" } });

describe("the workspace of an external agent", () => {
  test("is there with the brief: SPEC.md, and nothing of the factory's loop", async () => {
    const filed = await fileJob(ctx, {
      agent: "external",
      hold_back_tests: false,
      title: "Words",
      features: ["count", "sort"],
    });
    const host = await register();
    await host.claim();
    expect((await host.call("brief", { wait_ms: 0 })).status).toBe(204);
    const ref = { job: filed.publicId, run: 1, engine: "e1" };
    await takeRun(core.db, ref, "e1");
    const waiting = host.call("brief", { wait_ms: 25_000 });
    await setUpExternal(core.db, ref);
    await setUpExternal(core.db, ref);
    const brief = await (await waiting).json();
    expect(brief).toMatchObject({ title: "Words", spec_file: "SPEC.md", notes_folder: ".ai", iterations: 0 });
    expect(brief.model).toBe("claude-sonnet-4-6");
    expect(brief.seconds_left).toBeGreaterThan(3_500);
    const job = await reload(core.db, filed);
    const show = ["-C", jobRepository(job.publicId), "show", `${job.headCommit}:SPEC.md`];
    expect(execFileSync("git", show, { encoding: "utf8" })).toContain("- [ ] count\n- [ ] sort\n");
    const events = await eventsOf(core.db, job);
    expect(events.filter(({ type }) => type === "plan.written")).toHaveLength(1);
    expect(await core.db.command.count({ where: { jobId: job.id } })).toBe(0);
  });

  test("its work comes in under the fence, and the checklist is read from the files", async () => {
    const { job, host } = await begin();
    const first = await host.work({ "SPEC.md": SPEC.replace("[ ] One", "[x] One"), "a.js": "1\n" });
    expect(await first.json()).toMatchObject({ accepted: true, open_tasks: 1, paused: false });
    const tasks = await core.db.task.findMany({ where: { jobId: job.id }, orderBy: { n: "asc" } });
    expect(tasks.map(({ title, done }) => [title, done])).toEqual([
      ["One", true],
      ["Two", false],
    ]);
    const second = await host.work({ "SPEC.md": "no list any more\n" });
    expect(await second.json()).toMatchObject({ accepted: true, open_tasks: null });
    expect(await codeOf(await host.call("complete"))).toEqual([422, "unprocessable"]);
    const events = (await eventsOf(core.db, job)).map(({ type }) => type);
    expect(events.filter((type) => type === "workspace.committed")).toHaveLength(2);
    expect(events.filter((type) => type === "task.done")).toHaveLength(1);
  });

  test("a credential in the name of its commit is neither stored nor committed, even where it would be cut", async () => {
    const { job, host } = await begin();
    const secret = `ghp_${"a1B2".repeat(9)}`;
    for (const [text, message] of [
      ["1\n", `Uses ${secret}`],
      ["2\n", `${"x ".repeat(95)}${secret}`],
    ] as const)
      expect(await (await host.work({ "a.js": text }, { message })).json()).toMatchObject({ accepted: true });
    const told = JSON.stringify((await eventsOf(core.db, job)).map(({ data }) => data));
    const { publicId, headCommit } = await reload(core.db, job);
    const log = ["-C", jobRepository(publicId), "log", "--format=%B", `${headCommit}`];
    for (const stored of [told, execFileSync("git", log, { encoding: "utf8" })]) {
      expect(stored).toContain("Uses [redacted]");
      expect(stored).not.toContain("ghp_");
    }
  });

  test("bundles that break a rule are refused and change nothing", async () => {
    const { job, host } = await begin();
    const path = `bundle?job_id=${host.job}&fence=${host.fence}`;
    for (const raw of ["", "no bundle", "# v2 git bundle\n", "x".repeat(100_000)]) {
      const answer = await (await host.send(path, { raw })).json();
      expect(answer).toMatchObject({ accepted: false, reason: expect.any(String) });
    }
    expect((await reload(core.db, job)).headCommit).toBe(job.headCommit);
  });
});

describe("complete", () => {
  const DONE = {
    "SPEC.md": SPEC.replaceAll("[ ]", "[x]"),
    "package.json": '{ "type": "module" }\n',
    "count.js": "export const one = 1;\n",
    "count.test.js":
      'import assert from "node:assert";\nimport test from "node:test";\nimport { one } from "./count.js";\n\ntest("one", () => {\n  assert.strictEqual(one, 1);\n});\n',
  };

  test("hands over to ordinary runners and never completes", async () => {
    const { job, host, ref } = await begin();
    await expect(awaitExternal(core.db, ref)).rejects.toMatchObject({ on: { kind: "command" } });
    expect(await codeOf(await host.call("complete"))).toEqual([422, "unprocessable"]);
    await host.work(DONE);
    expect((await host.call("complete", { summary: "done, token sk-ant-abcdefghijklmnop" })).status).toBe(
      204,
    );
    const after = await reload(core.db, job);
    expect(after).toMatchObject({
      state: "validating",
      needs: "runner",
      agent: "external",
      leaseWorkerId: null,
      claimable: true,
      lane: "validation",
    });
    expect(await awaitExternal(core.db, ref)).toEqual({ tasks: 2 });
    expect(await host.claim()).toBe(false);
    const said = (await eventsOf(core.db, job)).find(({ type }) => type === "external.completed");
    expect(said?.data.summary).not.toContain("sk-ant-");
    const woken = await core.db.$queryRaw<{ name: string }[]>`
      SELECT name FROM outbox WHERE id LIKE ${`external:${job.publicId}:%`} ORDER BY name`;
    expect(woken.map(({ name }) => name)).toEqual(["command/finished", "job/resumed"]);
    const runner = new HandRunner(core.db, await ordinary());
    const claimed = await runner.claim();
    expect(claimed.id).toBe(job.id);
    await runner.stop();
  });

  test("a rejected job goes back to external agents with what was found as its task", async () => {
    const { job, host, ref } = await begin();
    await host.work({ "SPEC.md": SPEC.replaceAll("[ ]", "[x]"), "a.txt": "no tests at all\n" });
    await host.call("complete");
    const runner = new HandRunner(core.db, await ordinary());
    await runner.claim();
    runner.serve();
    expect(await driveStep(() => verify(core.db, ref))).toEqual({ passed: false });
    await runner.stop();
    const rejected = await reload(core.db, job);
    expect([rejected.state, rejected.needs]).toEqual(["escalated", "runner"]);
    const { moveJob } = await import("@/server/services/jobs/move-job");
    await core.db.$transaction((tx) =>
      moveJob(tx, { job: job.id, move: "retry_with_advice", actor: "person:ana" }),
    );
    expect(await reload(core.db, job)).toMatchObject({ state: "pending", needs: "agent", run: 2 });
    expect(await host.claim()).toBe(true);
    const again = { ...ref, run: 2, engine: "e2" };
    await takeRun(core.db, again, "e2");
    await setUpExternal(core.db, again);
    const open = await core.db.task.findMany({ where: { jobId: job.id, run: 2, done: false } });
    expect(open.map(({ title }) => title)).toEqual([expect.stringMatching(/^Mend: .*tests/)]);
  });

  async function ordinary(): Promise<string> {
    const [worker = ""] = await addWorkers(core.db, 1);
    return worker;
  }
});

describe("a change by an external agent", () => {
  test("begins at the base, is proven against it by an ordinary runner, and is pushed without notes", async () => {
    const repository = git.create("changed");
    repository.commit({ "value.txt": "0\n", "check.sh": 'test "$(cat value.txt)" = 1\n' });
    const { createProject } = await import("@/server/services/projects/create-project");
    const { createProjectInput } = await import("@/server/domain/project");
    const admin = await addTeam(core.db, "changers", { role: "admin" });
    await createProject({
      ctx: admin,
      input: createProjectInput.parse({
        name: "changed",
        repository_url: git.url("changed"),
        username: CREDENTIALS.username,
        token: CREDENTIALS.password,
        lint_command: "true",
        test_command: "sh check.sh",
      }),
    });
    const filed = await fileJob(admin, {
      agent: "external",
      hold_back_tests: false,
      project: "changed",
      title: "Make it one",
    });
    const host = await register();
    await host.claim();
    const ref = { job: filed.publicId, run: 1, engine: "e-change" };
    await takeRun(core.db, ref, ref.engine);
    expect(await setUp(core.db, ref)).toMatchObject({ change: true, external: true });
    const brief = await (await host.call("brief", { wait_ms: 0 })).json();
    expect(brief).toMatchObject({ kind: "change", spec_file: ".fabrica/SPEC.md" });
    const files = {
      ".fabrica/SPEC.md": "# One\n\n- [x] Make it one\n",
      ".ai/progress.md": "done\n",
      "value.txt": "1\n",
    };
    expect(await (await host.work(files)).json()).toMatchObject({ accepted: true, open_tasks: 0 });
    const { conflicts } = await (await host.call("lock", { files: ["value.txt"] })).json();
    expect(conflicts).toEqual([]);
    expect((await host.call("complete")).status).toBe(204);
    const [worker = ""] = await addWorkers(core.db, 1);
    const runner = new HandRunner(core.db, worker);
    await runner.claim();
    runner.serve();
    try {
      expect(await awaitExternal(core.db, ref)).toEqual({ tasks: 1 });
      await driveStep(() => fillForChecks(core.db, ref));
      expect(await driveStep(() => takeBaseline(core.db, ref))).toMatchObject({ tests: 1 });
      expect(await driveStep(() => verify(core.db, ref))).toEqual({ passed: true });
      await driveStep(() => deliver(core.db, ref));
    } finally {
      await runner.stop();
    }
    const job = await reload(core.db, filed);
    expect([job.state, job.branch]).toEqual(["completed", `fabrica/${job.publicId}`]);
    const pushed = repository.git(["ls-tree", "-r", "--name-only", `fabrica/${job.publicId}`]);
    expect(pushed.trim().split("\n")).toEqual(["check.sh", "value.txt"]);
  });
});

describe("an end without completion", () => {
  test("stuck goes to a person, with the reason", async () => {
    const { job, host } = await begin();
    expect((await host.call("stuck", { reason: "" })).status).toBe(400);
    expect((await host.call("stuck", { reason: "no idea" })).status).toBe(204);
    expect(await reload(core.db, job)).toMatchObject({
      state: "escalated",
      errorMessage: "no idea",
      leaseWorkerId: null,
    });
    expect(await codeOf(await host.call("stuck", { reason: "again" }))).toEqual([410, "lease_over"]);
  });

  test("a host that gives back or gives up with credentials in what it says leaves none of them", async () => {
    const { job, host } = await begin();
    const token = `ghp_${"a1B2".repeat(9)}`;
    const said = { code: `x ${token}`, message: `could not log in with ${token}` };
    expect((await host.call("fail", said)).status).toBe(204);
    await expireLease(core.db, job);
    const { sweepLeases } = await import("@/server/services/queue/sweep-leases");
    await sweepLeases(core.db, 120);
    expect(await host.claim()).toBe(true);
    expect((await host.call("fail", { ...said, final: true })).status).toBe(204);
    const failed = await reload(core.db, job);
    expect(failed).toMatchObject({ state: "failed", errorCode: "x [redacted]" });
    const events = await core.db.jobEvent.findMany({ where: { jobId: job.id } });
    const stored = JSON.stringify([failed, events], (_, n) => (typeof n === "bigint" ? `${n}` : n));
    expect(stored).toContain("gave the job back: x [redacted]");
    expect(stored).not.toContain("ghp_");
  });

  test("final failure keeps the last commit; any other gives the job back", async () => {
    const { job, host } = await begin();
    await host.work({ "a.js": "1\n" });
    const { headCommit } = await reload(core.db, job);
    expect((await host.call("fail", { code: "sandbox", message: "no room" })).status).toBe(204);
    expect(await reload(core.db, job)).toMatchObject({
      state: "running",
      leaseWorkerId: null,
      needs: "agent",
    });
    await expireLease(core.db, job);
    const { sweepLeases } = await import("@/server/services/queue/sweep-leases");
    await sweepLeases(core.db, 120);
    expect(await host.claim()).toBe(true);
    const failing = { code: "agent_failed", message: "broken", final: true };
    expect((await host.call("fail", failing)).status).toBe(204);
    expect(await reload(core.db, job)).toMatchObject({
      state: "failed",
      errorCode: "agent_failed",
      headCommit,
    });
  });
});

describe("who may speak", () => {
  const CALLS: [string, object][] = [
    ["brief", { wait_ms: 0 }],
    ["external", { first: 0, events: [{ type: "iteration", n: 1 }] }],
    ["lock", { files: ["a"] }],
    ["messages", { ask: 1 }],
    ["complete", {}],
    ["stuck", { reason: "x" }],
    ["fail", { code: "x", message: "x", final: true }],
  ];

  test.each(CALLS)("%s: only the holder, under its fence", async (path, body) => {
    const { job, host } = await begin();
    const stranger = await register();
    stranger.job = host.job;
    stranger.fence = host.fence;
    expect(await codeOf(await stranger.call(path, body))).toEqual([404, "not_found"]);
    expect(await codeOf(await host.call(path, { ...body, fence: host.fence + 1 }))).toEqual([
      409,
      "stale_fence",
    ]);
    expect(await codeOf(await host.call(path, { ...body, job_id: "JOB-20200101000000-0000" }))).toEqual([
      404,
      "not_found",
    ]);
    expect((await host.send(path, { body: {}, headers: { authorization: "Bearer no" } })).status).toBe(401);
    const old = await host.send(path, { body: {}, headers: { "x-fabrica-protocol": "2" } });
    expect(await codeOf(old)).toEqual([426, "upgrade_required"]);
    expect((await host.send(path, { raw: "{" })).status).toBe(400);
    expect((await host.send(path, { body: { job_id: 7, fence: "a" } })).status).toBe(400);
    const before = await reload(core.db, job);
    expect(before.state).toBe("running");
    await expireLease(core.db, job);
    const { sweepLeases } = await import("@/server/services/queue/sweep-leases");
    await sweepLeases(core.db, 120);
    expect(await codeOf(await host.call(path, body))).toEqual([410, "lease_over"]);
    expect((await reload(core.db, job)).state).toBe("running");
  });

  test("a runner that holds one of the factory's own jobs has no part in this", async () => {
    const job = await fileJob(ctx);
    const runner = await register("factory");
    expect(await runner.claim()).toBe(true);
    for (const [path, body] of CALLS) {
      expect(await codeOf(await runner.call(path, body)), path).toEqual([409, "conflict"]);
    }
    expect(await typeOf(await runner.ask(question()))).toEqual([409, "permission_error"]);
    expect((await reload(core.db, job)).state).toBe("running");
    expect(upstream.asked).toEqual([]);
  });
});

describe("what an agent says", () => {
  test("is stored once and in order, freed of secrets, and moves nothing but the iteration", async () => {
    const { job, host } = await begin();
    const events = [
      { type: "started", agent: "x" },
      { type: "iteration", n: 3 },
      { type: "task", id: "One", done: true },
      { type: "completed", summary: "all" },
      { type: "unknown", name: "odd", data: `{"key":"${KEY}"}` },
    ];
    expect(await (await host.call("external", { first: 0, events })).json()).toEqual({ next: 5 });
    expect(await (await host.call("external", { first: 0, events })).json()).toEqual({ next: 5 });
    const more = [...events.slice(3), { type: "invalid", count: 2, sample: "x" }];
    expect(await (await host.call("external", { first: 3, events: more })).json()).toEqual({ next: 6 });
    expect(await codeOf(await host.call("external", { first: 9, events }))).toEqual([409, "conflict"]);
    const said = (await eventsOf(core.db, job)).filter(({ type }) => type.startsWith("external."));
    expect(said.map(({ type }) => type)).toEqual([
      "external.started",
      "external.iteration",
      "external.task",
      "external.completed",
      "external.unknown",
      "external.invalid",
    ]);
    expect(JSON.stringify(said)).not.toContain(KEY);
    expect(await reload(core.db, job)).toMatchObject({ state: "running", iterations: 3 });
    expect(await core.db.task.count({ where: { jobId: job.id, done: true } })).toBe(0);
  });

  test.each([
    [[]],
    [[{ type: "gibberish" }]],
    [[{ type: "iteration", n: -1 }]],
    [[{ type: "said", text: "x".repeat(8_001) }]],
    [Array.from({ length: 201 }, () => ({ type: "iteration", n: 1 }))],
  ])("%#: what does not fit is refused as a whole", async (events) => {
    const { job, host } = await begin();
    const { lastSeq } = job;
    expect((await host.call("external", { first: 0, events })).status).toBe(400);
    expect((await host.call("external", { first: -1, events: [{ type: "iteration", n: 1 }] })).status).toBe(
      400,
    );
    expect((await reload(core.db, job)).lastSeq).toBe(lastSeq);
  });

  test("is kept up to a limit, which the log tells once", async () => {
    const { job, host } = await begin();
    const events = Array.from({ length: 200 }, () => ({ type: "said", text: "again" }));
    for (let first = 0; first < MAX_KEPT_EVENTS + 600; first += 200) {
      expect((await host.call("external", { first, events })).status).toBe(200);
    }
    const log = await eventsOf(core.db, job);
    expect(log.filter(({ type }) => type === "external.said")).toHaveLength(MAX_KEPT_EVENTS);
    expect(log.filter(({ data }) => String(data.text).includes("not kept"))).toHaveLength(1);
  });
});

describe("the way to a model", () => {
  test("passes a stream through as it comes, with the factory's key, reserved and settled", async () => {
    const { job, host } = await begin();
    const response = await host.ask(question({ stream: true, max_tokens: 5_000 }), {
      "anthropic-beta": "interleaved-thinking-2025-05-14, context-1m-2025-08-07,evil header",
    });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    const text = await response.text();
    expect(text).toContain('"text":"All "');
    expect(text.trim().endsWith('data: {"type":"message_stop"}')).toBe(true);
    const [asked] = upstream.asked;
    expect(asked).toMatchObject({
      path: "/v1/messages",
      body: question({ stream: true, max_tokens: 5_000 }),
    });
    expect(asked?.headers["x-api-key"]).toBe(KEY);
    expect(asked?.headers["anthropic-beta"]).toBe("interleaved-thinking-2025-05-14");
    expect(JSON.stringify(asked)).not.toContain(host.token);
    const [spend] = await spends(job);
    expect(spend).toMatchObject({
      state: "settled",
      role: "coder",
      model: "claude-sonnet-4-6",
      inputTokens: 1_000,
    });
    expect(spend?.costMicro).toBe(6_000n);
    expect(await reload(core.db, job)).toMatchObject({ spentMicroUsd: 6_000n, reservedMicroUsd: 0n });
    expect(text).not.toContain(KEY);
  });

  test("answers whole as well, and counts tokens for nothing", async () => {
    const { job, host } = await begin();
    upstream.usage = {
      input_tokens: 10,
      output_tokens: 20,
      cache_read_input_tokens: 1_000,
      cache_creation_input_tokens: 1_000,
    };
    const answer = await host.send("anthropic/v1/messages", { body: question() });
    expect(await answer.json()).toMatchObject({ type: "message", content: [{ text: "All right." }] });
    const counted = await host.ask(
      { ...question(), max_tokens: undefined },
      {},
      "anthropic/v1/messages/count_tokens",
    );
    expect(await counted.json()).toEqual({ input_tokens: 42 });
    expect((await spends(job)).map(({ costMicro }) => costMicro)).toEqual([30n + 300n + 300n + 3_750n]);
  });

  test("refuses without money before anybody is asked, and pauses with the work", async () => {
    const { job, host } = await begin({ budget_usd: 0.02 });
    expect((await host.ask(question({ max_tokens: 1_300 }))).status).toBe(200);
    const refused = await host.ask(question({ max_tokens: 20_000 }));
    expect(refused.headers.get("x-should-retry")).toBe("false");
    expect(await typeOf(refused)).toEqual([402, "billing_error"]);
    expect(upstream.asked).toHaveLength(1);
    expect((await reload(core.db, job)).state).toBe("running");
    const answer = await (await host.work({ "a.js": "1\n" })).json();
    expect(answer).toMatchObject({ accepted: true, paused: true });
    expect(await reload(core.db, job)).toMatchObject({
      state: "paused",
      waitingCode: "budget",
      leaseWorkerId: null,
      headCommit: answer.commit,
      needs: "agent",
    });
    expect(await typeOf(await host.ask(question()))).toEqual([410, "permission_error"]);
  });

  test("a host that sends nothing after that is not waited for", async () => {
    const { job, host } = await begin({ budget_usd: 0.001 });
    expect((await host.ask(question())).status).toBe(402);
    expect(await sweepCapped(core.db)).toBe(0);
    await core.db.$executeRaw`UPDATE external_lease SET capped_at = now() - interval '31 seconds'`;
    expect(await sweepCapped(core.db)).toBe(1);
    expect(await reload(core.db, job)).toMatchObject({ state: "paused", waitingCode: "budget" });
    expect(await sweepCapped(core.db)).toBe(0);
  });

  test("clamps the answer to what the remainder buys", async () => {
    const { job, host } = await begin({ budget_usd: 0.05 });
    const thinking = { type: "enabled", budget_tokens: 50_000 };
    expect((await host.ask(question({ max_tokens: 60_000, thinking }))).status).toBe(200);
    const [asked] = upstream.asked;
    const given = asked?.body.max_tokens as number;
    const thought = asked?.body.thinking as { budget_tokens: number };
    expect(given).toBeLessThanOrEqual(0.05 / 0.000015);
    expect(given).toBeGreaterThan(3_000);
    expect(thought.budget_tokens).toBe(Math.floor(given / 2));
    const [spend] = await spends(job);
    expect(spend?.reservedMicro).toBeLessThanOrEqual(toMicro(0.05));
  });

  test("parallel questions never spend more than the cap together", async () => {
    const { job, host } = await begin({ budget_usd: 0.1 });
    upstream.usage = { input_tokens: 50, output_tokens: 1_000 };
    const statuses = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const response = await host.ask(question({ max_tokens: 1_000, stream: true }));
        await response.text();
        return response.status;
      }),
    );
    expect(statuses).toContain(200);
    expect(statuses.every((status) => [200, 402, 429].includes(status))).toBe(true);
    const after = await reload(core.db, job);
    expect(after.spentMicroUsd).toBeLessThanOrEqual(toMicro(0.1));
    expect(after.reservedMicroUsd).toBe(0n);
    const paid = (await spends(job)).reduce((sum, { costMicro }) => sum + costMicro, 0n);
    expect(paid).toBe(after.spentMicroUsd);
  });

  test("a cut stream is charged for what may have been made, and says so", async () => {
    const { job, host } = await begin();
    upstream.faults.push({ cutAfter: 3 });
    const response = await host.ask(question({ stream: true }));
    await expect(response.text()).rejects.toThrow();
    await expect.poll(async () => (await spends(job))[0]?.state).toBe("estimated");
    // 1,000 tokens of prompt, and all 1,000 that were allowed.
    expect((await spends(job))[0]?.costMicro).toBe(3_000n + 15_000n);
    upstream.faults.push({ cutAfter: 0 });
    const nothing = await host.ask(question({ stream: true }));
    await expect(nothing.text()).rejects.toThrow();
    await expect.poll(async () => (await spends(job))[1]?.state).toBe("estimated");
    const [, second] = await spends(job);
    expect(second?.costMicro).toBe(second?.reservedMicro);
    expect((await reload(core.db, job)).reservedMicroUsd).toBe(0n);
  });

  test("whoever leaves in the middle stops the provider, and is charged", async () => {
    const { job, host } = await begin();
    upstream.faults.push({ holdAfter: 3 });
    const response = await host.ask(question({ stream: true }));
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await expect.poll(() => upstream.left).toBeGreaterThan(0);
    await expect.poll(async () => (await spends(job))[0]?.state).toBe("estimated");
  });

  test.each([
    [
      429,
      { type: "error", error: { type: "rate_limit_error", message: "slow" } },
      { "retry-after": "7" },
      429,
    ],
    [529, { type: "error", error: { type: "overloaded_error", message: "busy" } }, {}, 529],
    [400, { type: "error", error: { type: "invalid_request_error", message: "odd" } }, {}, 400],
    [401, { type: "error", error: { type: "authentication_error", message: "key" } }, {}, 503],
    [500, { type: "error", error: { type: "api_error", message: "oh" } }, {}, 500],
  ])(
    "a refusal of the provider (%d) is passed on and costs nothing",
    async (status, body, headers, given) => {
      const { job, host } = await begin();
      upstream.faults.push({ status, body, headers });
      const response = await host.ask(question({ stream: true }));
      expect(response.status).toBe(given);
      expect(response.headers.get("retry-after")).toBe(
        (headers as Record<string, string>)["retry-after"] ?? null,
      );
      expect((await spends(job)).map(({ state, costMicro }) => [state, costMicro])).toEqual([
        ["released", 0n],
      ]);
    },
  );

  const deep = (depth: number): unknown => (depth === 0 ? 1 : { a: deep(depth - 1) });
  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["words", "hello"],
    ["a list", []],
    ["no model", question({ model: undefined })],
    ["no messages", question({ messages: [] })],
    ["no max_tokens", question({ max_tokens: undefined })],
    ["max_tokens 0", question({ max_tokens: 0 })],
    ["max_tokens -1", question({ max_tokens: -1 })],
    ["max_tokens 1e12", question({ max_tokens: 1e12 })],
    ["max_tokens as text", question({ max_tokens: "many" })],
    ["stream as text", question({ stream: "yes" })],
    ["a search tool", question({ tools: [{ type: "web_search_20250305", name: "web_search" }] })],
    ["a fetch tool", question({ tools: [{ type: "web_fetch_20250910", name: "web_fetch" }] })],
    ["a program at the provider", question({ tools: [{ type: "code_execution_20250825", name: "x" }] })],
    ["other servers", question({ mcp_servers: [{ type: "url", url: "http://evil.example", name: "x" }] })],
    ["a container", question({ container: { id: "x" } })],
    ["fast mode", question({ speed: "fast" })],
    ["a dear place", question({ inference_geo: "us" })],
    ["a dear tier", question({ service_tier: "priority" })],
    ["compaction", question({ context_management: { edits: [{ type: "compact_20260112" }] } })],
    [
      "an image by address",
      question({
        messages: [
          { role: "user", content: [{ type: "image", source: { type: "url", url: "http://127.0.0.1/" } }] },
        ],
      }),
    ],
    [
      "a document by address in a result",
      question({
        messages: [
          {
            role: "user",
            content: [
              {
                type: "tool_result",
                tool_use_id: "x",
                content: [{ type: "document", source: { type: "url", url: "http://evil.example/?secret" } }],
              },
            ],
          },
        ],
      }),
    ],
    [
      "a file of the key's owner",
      question({
        messages: [{ role: "user", content: [{ type: "document", source: { type: "file", file_id: "f" } }] }],
      }),
    ],
    ["depth", question({ messages: [{ role: "user", content: deep(100) }] })],
  ])("%s is refused before anything is reserved", async (_, body) => {
    const { job, host } = await begin();
    const raw = body === undefined ? "" : JSON.stringify(body);
    const response = await host.send("anthropic/v1/messages", { raw });
    expect(await typeOf(response)).toEqual([400, "invalid_request_error"]);
    expect(upstream.asked).toEqual([]);
    expect(await spends(job)).toEqual([]);
  });

  test("other refusals: no price, no lease, another fence, another path, too large, no token", async () => {
    const { host } = await begin();
    expect(await typeOf(await host.ask(question({ model: "gpt-5" })))).toEqual([404, "not_found_error"]);
    expect((await host.ask(question(), { "x-fabrica-fence": String(host.fence) })).status).toBe(200);
    expect(await typeOf(await host.ask(question(), { "x-fabrica-fence": String(host.fence + 1) }))).toEqual([
      409,
      "permission_error",
    ]);
    expect(await typeOf(await host.ask(question(), { "x-fabrica-fence": "1e9" }))).toEqual([
      400,
      "invalid_request_error",
    ]);
    for (const path of ["models", "files", "messages/batches", "complete", "messages/"]) {
      expect((await host.ask(question(), {}, `anthropic/v1/${path}`)).status, path).toBe(404);
    }
    expect((await host.send("anthropic/v1/messages", { method: "GET" })).status).toBe(404);
    expect(await typeOf(await host.ask({ x: "x".repeat(17 * 1024 * 1024) }))).toEqual([
      413,
      "request_too_large",
    ]);
    expect(await typeOf(await host.ask(question(), { "x-api-key": "made-up" }))).toEqual([
      401,
      "authentication_error",
    ]);
    const idle = await register();
    expect(await typeOf(await idle.ask(question()))).toEqual([410, "permission_error"]);
    expect(upstream.asked).toHaveLength(1);
  });

  test("what may not go through is left out, and caches last five minutes", async () => {
    const { host } = await begin();
    const cache = { type: "ephemeral", ttl: "1h" };
    await host.ask(
      question({
        system: [{ type: "text", text: "s", cache_control: cache }],
        tools: [
          { name: "t", input_schema: { properties: { cache_control: { ttl: "1h" } } }, cache_control: cache },
        ],
        messages: [{ role: "user", content: [{ type: "text", text: "t", cache_control: cache }] }],
        made_up: "field",
        metadata: { user_id: "u" },
      }),
    );
    const body = upstream.asked[0]?.body;
    expect(body).toEqual({
      ...question(),
      system: [{ type: "text", text: "s", cache_control: { type: "ephemeral" } }],
      tools: [
        {
          name: "t",
          input_schema: { properties: { cache_control: { ttl: "1h" } } },
          cache_control: { type: "ephemeral" },
        },
      ],
      messages: [
        { role: "user", content: [{ type: "text", text: "t", cache_control: { type: "ephemeral" } }] },
      ],
      metadata: { user_id: "u" },
    });
  });
});
