// External agents, whole: a factory, `fabrica ralph` beside it with a stand-in agent in jails, and a Messages API at the
// network's edge. What an agent says is shown, what it made is validated like anybody's work, what it spends is metered.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { JobView } from "@/server/domain/outputs";
import { type Block, FakeAnthropic } from "../support/fake-anthropic";
import { GitServer } from "../support/git-server";
import { RalphHost } from "../support/ralph-host";
import { Factory } from "./factory";
import { readJob, submit, untilJob } from "./jobs";

const LIMIT_MS = 120_000;
const CREDENTIALS = { username: "robot", password: "tok3n-of-the-external" };
const anything = z.unknown();

let git: GitServer;
let model: FakeAnthropic;
let factory: Factory;
let host: RalphHost;

beforeAll(async () => {
  model = await new FakeAnthropic().start();
  git = await GitServer.start({ credentials: CREDENTIALS });
  const env = {
    ANTHROPIC_API_KEY: "sk-ant-the-real-key-of-the-factory",
    ANTHROPIC_BASE_URL: model.url,
    GIT_REMOTES: git.origin,
  };
  factory = await Factory.start({ env, workers: 1 });
  host = await startHost();
}, 240_000);

afterAll(async () => {
  // One that cannot be stopped must not leave the others behind.
  const ends = await Promise.allSettled([host?.stop(), factory?.stop(), model?.stop(), git?.stop()]);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}, 60_000);

afterEach(async () => {
  // The only slot must be free again, whatever has failed.
  const left = await factory.sql<{ id: string }>(
    "SELECT public_id AS id FROM job WHERE state IN ('pending', 'running', 'paused', 'validating', 'approved')",
  );
  for (const { id } of left) await factory.client.call("DELETE", `/api/v1/jobs/${id}`, anything);
  model.faults.splice(0);
  model.asked.splice(0);
  model.usage = { input_tokens: 1_000, output_tokens: 200 };
  model.answerTo = () => [{ type: "text", text: "All right." }];
});

const startHost = (env: Record<string, string> = {}) =>
  RalphHost.start({ url: factory.url, dataDir: factory.dataDir, env: { RALPH_SLOTS: "1", ...env } });

/** Files a job for an external agent that behaves as `mode` says. */
const file = (mode: string, more: Record<string, unknown> = {}, tasks = ["Count the words of a text"]) =>
  submit(factory, {
    agent: "external",
    hold_back_tests: false,
    spec: `# Word counter\n\nagent: ${mode}\n\n${tasks.map((task) => `- [ ] ${task}`).join("\n")}\n`,
    ...more,
  });

const reached = (id: string, ...states: JobView["status"][]) =>
  untilJob(factory, id, (job) => states.includes(job.status), LIMIT_MS);

interface Row extends Record<string, unknown> {
  type: string;
  data: Record<string, unknown>;
}

const eventsOf = (id: string) =>
  factory.sql<Row>(
    "SELECT e.type, e.data FROM job_event e JOIN job j ON j.id = e.job_id WHERE j.public_id = $1 ORDER BY e.seq",
    [id],
  );

async function saidBy(id: string, type: string): Promise<Record<string, unknown>[]> {
  return (await eventsOf(id)).filter((event) => event.type === type).map(({ data }) => data);
}

const spends = (id: string) =>
  factory.sql<{ state: string; role: string; model: string; cost_micro: string; input_tokens: number }>(
    "SELECT s.state, s.role, s.model, s.cost_micro, s.input_tokens FROM spend s JOIN job j ON j.id = s.job_id WHERE j.public_id = $1 ORDER BY s.id",
    [id],
  );

describe("an external agent", () => {
  it("works task by task, is validated by an ordinary runner, and its work is delivered once", async () => {
    const id = await file("work", {}, ["Count the words of a text", "Count the lines of a text"]);
    const job = await reached(id, "completed", "failed", "escalated");
    expect(job.status, `${job.error_message}\n${host.said}`).toBe("completed");
    expect(job.agent).toBe("external");
    const events = await eventsOf(id);
    const moves = events.filter(({ type }) => type === "job.moved").map(({ data }) => data.to);
    expect(moves).toEqual(["running", "validating", "approved", "completed"]);
    expect(events.filter(({ type }) => type === "delivery.done")).toHaveLength(3);
    expect(events.filter(({ type }) => type === "external.iteration")).toHaveLength(2);
    expect(events.filter(({ type }) => type === "task.done")).toHaveLength(2);
    expect(events.filter(({ type }) => type === "workspace.committed")).toHaveLength(2);
    for (const type of ["started", "task", "lock", "learning", "usage", "completed"])
      expect(events.map((event) => event.type)).toContain(`external.${type}`);
    const [agents, checks] = await factory.sql<{ driver: string; name: string }>(
      "SELECT DISTINCT r.name, min(e.seq) AS seq FROM job_event e JOIN job j ON j.id = e.job_id JOIN worker w ON w.id = e.data->>'worker_id' JOIN runner r ON r.id = w.runner_id WHERE j.public_id = $1 AND e.type = 'lease.claimed' GROUP BY r.name ORDER BY seq",
      [id],
    );
    expect(agents?.name).toContain("ralph");
    expect(checks?.name).not.toContain("ralph");
    expect(existsSync(join(job.output_path ?? "", "src/count-the-words-of-a-text.js"))).toBe(true);
    expect(existsSync(join(job.output_path ?? "", ".ai"))).toBe(false);
    expect(readFileSync(join(job.output_path ?? "", "SPEC.md"), "utf8")).not.toContain("[ ]");
    // 1,000 tokens in and 200 out of claude-sonnet-4-6, for each of two questions.
    const paid = await spends(id);
    expect(paid.map(({ state, role, cost_micro }) => [state, role, Number(cost_micro)])).toEqual([
      ["settled", "coder", 6_000],
      ["settled", "coder", 6_000],
    ]);
    expect(job.cost_usd).toBe(0.012);
    // What it told, and what it noted, is what later jobs are given.
    const learned = async () => JSON.stringify(await factory.sql("SELECT title, text FROM learning"));
    await expect.poll(learned, { timeout: 30_000 }).toContain("split at white space");
    expect(await learned()).toContain("an empty text has no words");
    expect(model.asked.map(({ headers }) => headers["x-api-key"])).toEqual([
      "sk-ant-the-real-key-of-the-factory",
      "sk-ant-the-real-key-of-the-factory",
    ]);
  }, 180_000);

  it("reaches its model and nothing else, and is given no secret", async () => {
    const port = new URL(factory.url).port;
    const id = await file(`prying\n\napp-port: ${port}`);
    const job = await reached(id, "completed", "failed", "escalated");
    expect(job.status, `${job.error_message}\n${host.said}`).toBe("completed");
    const [said] = await saidBy(id, "external.unknown");
    expect(said?.name).toBe("pried");
    const pried = JSON.parse(String(said?.data));
    expect(pried).toMatchObject({
      secrets: false,
      model: true,
      app: false,
      metadata: false,
      dns: false,
      get: 404,
      files: 404,
      heartbeat: 404,
      search: 400,
      image: 400,
    });
    expect(pried.env).not.toMatch(/TOKEN|SECRET|DATABASE/);
    // Only the question that may be asked came through.
    expect(model.asked).toHaveLength(1);
  }, 180_000);

  it.each([
    ["stuck", "escalated", "nobody knows what a word is"],
    ["stuck by file", "escalated", "The dictionary is missing."],
    ["failing", "failed", "the compiler is broken"],
    ["idle", "escalated", "changed nothing"],
    ["liar", "escalated", "changed nothing"],
  ] as const)(
    "that is %s leaves the job %s, with the reason",
    async (mode, state, reason) => {
      const id = await file(mode);
      const job = await reached(id, "completed", "failed", "escalated");
      expect([job.status, job.error_message]).toEqual([state, expect.stringContaining(reason)]);
      expect((await eventsOf(id)).some(({ data }) => data.to === "validating")).toBe(false);
    },
    180_000,
  );

  it("may print what it likes: what is unknown is kept, what is unreadable is counted", async () => {
    const id = await file("noisy");
    const job = await reached(id, "completed", "failed", "escalated");
    expect(job.status, `${job.error_message}\n${host.said}`).toBe("completed");
    const invalid = await saidBy(id, "external.invalid");
    expect(invalid.reduce((sum, { count }) => sum + Number(count), 0)).toBe(7);
    const [unknown] = await saidBy(id, "external.unknown");
    expect(unknown).toMatchObject({ name: "dreaming" });
    expect(unknown?.data).toContain("sheep");
    expect(unknown?.data).not.toContain("sk-ant-abcdef");
    expect(await saidBy(id, "external.task")).toContainEqual({ id: "7", done: false });
  }, 180_000);

  it("whose host is killed in the middle is followed by another one, at the cost of one iteration", async () => {
    const id = await file("hanging", {}, ["One", "Two", "Three"]);
    await untilJob(factory, id, () => model.asked.length >= 2, LIMIT_MS);
    await expect.poll(async () => (await saidBy(id, "external.unknown")).length, { timeout: 30_000 }).toBe(1);
    await host.kill();
    await host.stop();
    host = await startHost();
    const job = await reached(id, "completed", "failed", "escalated");
    expect(job.status, `${job.error_message}\n${host.said}`).toBe("completed");
    const iterations = await saidBy(id, "external.iteration");
    expect(iterations.map(({ n }) => n)).toEqual([1, 2, 3, 4]);
    expect(existsSync(join(job.output_path ?? "", "half.txt"))).toBe(false);
    expect(existsSync(join(job.output_path ?? "", "src/one.js"))).toBe(true);
    const moves = (await eventsOf(id)).filter(({ type }) => type === "job.moved").map(({ data }) => data.to);
    expect(moves.filter((to) => to === "completed")).toHaveLength(1);
  }, 240_000);

  it("that reaches the cap pauses with its work, and goes on when the cap is raised", async () => {
    model.usage = { input_tokens: 10, output_tokens: 8_000 };
    const id = await file("spending", { budget_usd: 0.4 });
    const paused = await reached(id, "paused", "failed", "escalated");
    expect([paused.status, paused.waiting_code], `${paused.error_message}\n${host.said}`).toEqual([
      "paused",
      "budget",
    ]);
    expect(paused.cost_usd).toBeLessThanOrEqual(0.4);
    expect(paused.cost_usd).toBeGreaterThan(0.2);
    const committed = await saidBy(id, "workspace.committed");
    expect(committed).toHaveLength(1);
    expect(model.asked.length).toBeLessThan(10);
    const before = model.asked.length;
    await factory.client.call("POST", `/api/v1/jobs/${id}/budget`, anything, { budget_usd: 0.8 });
    await factory.client.call("POST", `/api/v1/jobs/${id}/resume`, anything, {});
    await untilJob(factory, id, () => model.asked.length > before, LIMIT_MS);
    const again = await reached(id, "paused", "failed", "escalated");
    expect(again.status).toBe("paused");
    expect(again.cost_usd).toBeLessThanOrEqual(0.8);
    const open = await factory.sql("SELECT 1 FROM spend WHERE state = 'reserved'");
    expect(open).toEqual([]);
  }, 240_000);

  it("hears what people say, in order and once, also when they say it at the very end", async () => {
    model.usage = { input_tokens: 1, output_tokens: 1 };
    const id = await file("listening");
    const tell = (text: string) => post(`/api/v1/jobs/${id}/messages`, { text });
    const heard = async () =>
      (await saidBy(id, "external.unknown"))
        .filter(({ name }) => name === "heard")
        .map(({ data }) => JSON.parse(String(data)));
    await expect.poll(async () => (await heard()).length, { timeout: LIMIT_MS }).toBe(1);
    // Its first iteration ticks the only task off; before it counts as complete there is something to be read.
    await tell("first");
    await tell("second");
    model.answerTo = () => [{ type: "text", text: "Go on." }];
    const job = await reached(id, "completed", "failed", "escalated");
    expect(job.status, `${job.error_message}\n${host.said}`).toBe("completed");
    expect(await heard()).toEqual([
      { heard: [], kept: false },
      { heard: [`${factory.admin.username}: first`, `${factory.admin.username}: second`], kept: true },
    ]);
    expect(await saidBy(id, "steer.delivered")).toHaveLength(1);
    // Notes are no part of what is delivered.
    expect(existsSync(join(job.output_path ?? "", ".ai"))).toBe(false);
  }, 180_000);

  /** The job's agent hangs; what it had written by then is not committed. */
  async function hanging(): Promise<string> {
    const id = await file("slow");
    await expect
      .poll(async () => (await saidBy(id, "external.unknown")).length, { timeout: LIMIT_MS })
      .toBe(1);
    expect(agents()).not.toEqual([]);
    return id;
  }
  /** Agents of this host that are running. */
  const agents = () => host.processes().filter(({ command }) => command.startsWith("node /opt/agent/"));
  const noAgents = () => expect.poll(agents, { timeout: 10_000 }).toEqual([]);
  const post = (path: string, body: object = {}) => factory.client.call("POST", path, anything, body);

  it("that is paused ends at once, its work is kept, and the next one goes on with it", async () => {
    const id = await hanging();
    await post(`/api/v1/jobs/${id}/pause`);
    await noAgents();
    await expect
      .poll(async () => (await saidBy(id, "workspace.committed")).length, { timeout: 30_000 })
      .toBe(1);
    expect((await reached(id, "paused")).cost_usd).toBe(0);
    await post(`/api/v1/jobs/${id}/resume`);
    const job = await reached(id, "completed", "failed", "escalated");
    expect(job.status, `${job.error_message}\n${host.said}`).toBe("completed");
    expect(existsSync(join(job.output_path ?? "", "half.txt"))).toBe(true);
  }, 180_000);

  it("that is cancelled ends at once, and nothing more is taken from it", async () => {
    const id = await hanging();
    await factory.client.call("DELETE", `/api/v1/jobs/${id}`, anything);
    await noAgents();
    await expect.poll(() => host.said, { timeout: 30_000 }).toContain(`job ${id}: lease over`);
    expect((await readJob(factory, id)).status).toBe("cancelled");
    expect(await saidBy(id, "workspace.committed")).toEqual([]);
  }, 180_000);

  it("whose worker is drained finishes its job, and its worker takes no other until it may", async () => {
    model.usage = { input_tokens: 1, output_tokens: 1 };
    const id = await file("listening");
    await expect
      .poll(async () => (await saidBy(id, "external.unknown")).length, { timeout: LIMIT_MS })
      .toBe(1);
    const worker = String((await saidBy(id, "lease.claimed"))[0]?.worker_id);
    await post(`/api/v1/workers/${worker}/drain`);
    const next = await file("work");
    model.answerTo = () => [{ type: "text", text: "Go on." }];
    expect((await reached(id, "completed", "failed", "escalated")).status).toBe("completed");
    const waits = await readJob(factory, next);
    expect([waits.status, waits.waiting_code]).toEqual(["pending", "no_worker"]);
    await post(`/api/v1/workers/${worker}/resume`);
    expect((await reached(next, "completed", "failed", "escalated")).status).toBe("completed");
  }, 180_000);

  it("whose worker is killed ends at once, and another host goes on with its work", async () => {
    const id = await hanging();
    const worker = String((await saidBy(id, "lease.claimed"))[0]?.worker_id);
    await post(`/api/v1/workers/${worker}/kill`);
    await noAgents();
    await host.ended();
    await host.stop();
    host = await startHost();
    const job = await reached(id, "completed", "failed", "escalated");
    expect(job.status, `${job.error_message}\n${host.said}`).toBe("completed");
    expect(existsSync(join(job.output_path ?? "", "half.txt"))).toBe(true);
  }, 180_000);

  it("whose host is stopped in good order has its work kept as well", async () => {
    const id = await hanging();
    await host.stop();
    host = await startHost();
    const job = await reached(id, "completed", "failed", "escalated");
    expect(job.status, `${job.error_message}\n${host.said}`).toBe("completed");
    expect(existsSync(join(job.output_path ?? "", "half.txt"))).toBe(true);
  }, 180_000);
});

describe("tests that an external agent never sees", () => {
  const CANARY = "held-back-canary-51c7";
  const unseen = (expected: number) =>
    `import assert from "node:assert";\nimport test from "node:test";\nimport { count } from "../src/count-the-words-of-a-text.js";\n\ntest("${CANARY}", () => {\n  assert.strictEqual(count("a b"), ${expected});\n});\n`;
  /** The factory's tester; the agent itself asks nothing but plain questions. */
  const tester =
    (expected: number) =>
    (body: Record<string, unknown>): Block[] => {
      const tools = (body.tools as { name: string }[] | undefined) ?? [];
      if (!tools.some(({ name }) => name === "finish")) return [{ type: "text", text: "All right." }];
      const path = "test/unseen.test.js";
      return [
        { type: "tool_use", id: "toolu_1", name: "write", input: { path, content: unseen(expected) } },
        {
          type: "tool_use",
          id: "toolu_2",
          name: "finish",
          input: { summary: "tested", test_files: [path], held_back: [path] },
        },
      ];
    };

  it.each([
    [2, "completed"],
    [3, "escalated"],
  ])(
    "that want %d words leave the job %s",
    async (expected, state) => {
      model.answerTo = tester(expected);
      const id = await file("work", { hold_back_tests: true });
      const job = await reached(id, "completed", "failed", "escalated");
      expect(job.status, `${job.error_message}\n${host.said}`).toBe(state);
      if (state === "escalated") expect(job.error_message).toContain("held-back tests");
      const leases = await factory.sql<{ name: string }>(
        "SELECT r.name FROM job_event e JOIN job j ON j.id = e.job_id JOIN worker w ON w.id = e.data->>'worker_id' JOIN runner r ON r.id = w.runner_id WHERE j.public_id = $1 AND e.type = 'lease.claimed' ORDER BY e.seq",
        [id],
      );
      // The factory prepares it, the agent works, the factory looks at it.
      expect(leases.map(({ name }) => name.includes("ralph"))).toEqual([false, true, false]);
      const [agentAsked] = model.asked.filter(
        ({ body }) => !JSON.stringify(body.tools ?? "").includes("finish"),
      );
      expect(JSON.stringify(agentAsked)).not.toContain(CANARY);
      const committed = await saidBy(id, "workspace.committed");
      expect(JSON.stringify(committed)).not.toContain("unseen");
      if (state === "completed")
        expect(existsSync(join(job.output_path ?? "", "test/unseen.test.js"))).toBe(false);
    },
    180_000,
  );
});

describe("a base that moves while an external agent works on a change", () => {
  const OLD_TEST = 'import test from "node:test";\n\ntest("is old", () => {});\n';

  it("is merged before the work is judged, and the branch stands on it", async () => {
    const upstream = git.create("words");
    upstream.commit({
      "package.json": '{ "type": "module", "private": true }\n',
      "test/old.test.js": OLD_TEST,
      "README.md": "# Words\n",
    });
    await factory.client.call("POST", "/api/v1/projects", anything, {
      name: "words",
      repository_url: git.url("words"),
      username: CREDENTIALS.username,
      token: CREDENTIALS.password,
    });
    model.usage = { input_tokens: 1, output_tokens: 1 };
    const id = await file("listening", { project: "words", tech_stack: undefined });
    await expect
      .poll(async () => (await saidBy(id, "external.unknown")).length, { timeout: LIMIT_MS })
      .toBe(1);
    upstream.commit({ "README.md": "# All words\n" });
    const moved = upstream.tip();
    model.answerTo = () => [{ type: "text", text: "Go on." }];
    const job = await reached(id, "completed", "failed", "escalated");
    expect(job.status, `${job.error_message}\n${host.said}`).toBe("completed");
    expect([job.branch, job.base_commit]).toEqual([`fabrica/${id}`, moved]);
    expect(upstream.git(["merge-base", "main", `fabrica/${id}`]).trim()).toBe(moved);
    expect(
      upstream
        .git(["ls-tree", "-r", "--name-only", `fabrica/${id}`])
        .trim()
        .split("\n"),
    ).toEqual([
      "README.md",
      "package.json",
      "src/count-the-words-of-a-text.js",
      "test/count-the-words-of-a-text.test.js",
      "test/old.test.js",
    ]);
  }, 180_000);
});

describe("a plan for an external agent", () => {
  it("waits for a person, and the agent begins with what was approved", async () => {
    const id = await submit(factory, {
      agent: "external",
      hold_back_tests: false,
      approve_plan: true,
      spec: "# Word counter\n\nagent: work\n\n- [ ] Count the words of a text\n",
    });
    await untilJob(factory, id, (job) => job.waiting_code === "plan", LIMIT_MS);
    const spec = "# Word counter\n\nagent: work\n\n- [ ] Count the lines of a text\n";
    await factory.client.call("POST", `/api/v1/jobs/${id}/plan/approve`, anything, { version: 1, spec });
    const job = await reached(id, "completed", "failed", "escalated");
    expect(job.status, `${job.error_message}\n${host.said}`).toBe("completed");
    expect(existsSync(join(job.output_path ?? "", "src/count-the-lines-of-a-text.js"))).toBe(true);
    expect(await saidBy(id, "external.iteration")).toHaveLength(1);
  }, 180_000);
});
