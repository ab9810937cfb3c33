// What was paid, read over REST: every way of putting it together agrees to the micro-dollar, bad questions are refused
// with a sentence, caps are set by whom they may and let go on who waited for them.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import type { Db } from "@/server/db";
import type { CostLine } from "@/server/domain/costs";
import type { Job } from "@/server/generated/prisma/client";
import { priceOf } from "@/server/models/prices";
import { pauseForBudget } from "@/server/services/jobs/pause-itself";
import { sweepPaused } from "@/server/services/queue/sweep-paused";
import { type Reservation, reserveSpend } from "@/server/services/spend/reserve-spend";
import { settleSpend } from "@/server/services/spend/settle-spend";
import { addPerson, type Call, type Factory, makeRequest, type Person, read, startFactory } from "./support";

let factory: Factory;
let db: Db;
let admin: Person;
let member: Person;
let calls = 0;

beforeAll(async () => {
  factory = await startFactory({ BUDGET_DAY_USD: "50" });
  db = factory.db;
  admin = await addPerson(db, "ana", "north", "admin");
  member = await addPerson(db, "mia", "north", "member");
  await addPerson(db, "zoe", "south", "admin");
});
afterAll(() => factory.close());

const send = async (method: string, path: string, call: Call = {}) =>
  read(await handleRest(makeRequest(method, `/api/v1${path}`, { token: member.token, ...call }), db));
const get = async (path: string) => (await send("GET", path)).json;
const micro = (usd: number) => Math.round(usd * 1_000_000);
const sum = (rows: CostLine[]) => rows.reduce((total, row) => total + micro(row.cost_usd), 0);

async function fileJob(body: Record<string, unknown> = {}, root?: Job): Promise<Job> {
  const { json } = await send("POST", "/jobs", { body: { title: "A job", ...body } });
  const where = { publicId: json.job_id };
  if (!root) return db.job.findUniqueOrThrow({ where });
  return db.job.update({ where, data: { rootId: root.id, parentId: root.id } });
}

const reserve = (
  job: Job,
  agentRun: string | null,
  part: Record<string, unknown> = {},
): Promise<Reservation> =>
  reserveSpend(db, {
    job,
    key: `call-${++calls}`,
    ...(agentRun && { agentRun, turn: 1 }),
    role: "coder",
    provider: "simulation",
    model: "sim-1",
    price: priceOf("simulation", "sim-1"),
    inputTokens: 1_000,
    maxTokens: 2_000,
    timeoutMs: 1_000,
    ...part,
  });
const settle = (costMicro: bigint, as: "settled" | "estimated" | "released" = "settled") =>
  db.$transaction((tx) =>
    settleSpend(tx, {
      key: `call-${calls}`,
      usage: { input: 700, output: 30, cacheRead: 200, cacheWrite: 100 },
      costMicro,
      as,
    }),
  );
const pay = async (job: Job, agentRun: string | null, cost: bigint, part: Record<string, unknown> = {}) => {
  expect(await reserve(job, agentRun, part)).toMatchObject({ allowed: true });
  await settle(cost);
};

describe("the costs of a job", () => {
  let root: Job;
  let child: Job;
  beforeAll(async () => {
    root = await fileJob({ title: "The whole", budget_usd: 2 });
    child = await fileJob({ title: "A part" }, root);
    await pay(root, "plan/planner", 1_001n, {
      role: "planner",
      provider: "anthropic",
      model: "claude-sonnet-5-5",
    });
    await pay(root, "task-1/coder", 2_003n);
    await pay(root, "task-1/coder", 7n, { turn: 2 });
    await pay(root, "task-1/fix-1", 11n, { role: "fixer", provider: "ollama", model: "qwen" });
    await pay(child, "task-1/fix-2", 13n, { role: "fixer" });
    await pay(child, null, 17n);
    await reserve(root, "task-1/fix-2", { role: "fixer" });
    await settle(19n, "estimated");
    await reserve(root, "task-1/fix-2");
    await settle(23n, "released");
    await reserve(root, "task-2/coder");
  });

  test("agree in every way with its calls and its cap", async () => {
    const costs = await get(`/jobs/${root.publicId}/costs`);
    const total = 1_001 + 2_003 + 7 + 11 + 13 + 17 + 19;
    expect(micro(costs.total.cost_usd)).toBe(total);
    expect(micro(costs.estimated_usd)).toBe(19);
    for (const by of ["by_role", "by_model", "by_agent_run", "by_round", "by_job", "by_day"])
      expect([by, sum(costs[by])]).toEqual([by, total]);
    expect(micro(costs.cap.spent_usd)).toBe(total);
    expect(costs.cap).toMatchObject({ job_id: root.publicId, budget_usd: 2 });
    expect(costs.cap.reserved_usd).toBeGreaterThan(0);
    expect(costs.total).toMatchObject({
      calls: 7,
      input_tokens: 7_000,
      cached_tokens: 1_400,
      output_tokens: 210,
    });
    expect(
      costs.by_round.map((row: { task: number; round: number } & CostLine) => [
        row.task,
        row.round,
        micro(row.cost_usd),
      ]),
    ).toEqual([
      [null, null, 1_001],
      [1, 0, 2_010],
      [1, 1, 11],
      [1, 2, 13],
      [null, null, 17],
      [1, 2, 19],
    ]);
    expect(costs.by_agent_run[1]).toMatchObject({ agent_run: "task-1/coder", turns: 2, calls: 2 });
    expect(costs.by_job.map((row: { title: string }) => row.title)).toEqual(["The whole", "A part"]);
  });

  test("of a part are its own, under the cap of the whole", async () => {
    const costs = await get(`/jobs/${child.publicId}/costs`);
    expect(micro(costs.total.cost_usd)).toBe(30);
    expect(costs.cap.job_id).toBe(root.publicId);
    expect(costs.by_job).toHaveLength(1);
    expect((await get(`/jobs/${child.publicId}`)).cost_usd).toBe(0.00003);
  });

  test("are listed call by call, in pages, each once", async () => {
    const seen: { id: string; cost_usd: number; state: string }[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await get(`/jobs/${root.publicId}/costs/calls?limit=4${cursor && `&cursor=${cursor}`}`);
      expect(page.calls.length).toBeLessThanOrEqual(4);
      seen.push(...page.calls);
      cursor = page.next_cursor;
    }
    expect(new Set(seen.map(({ id }) => id)).size).toBe(9);
    expect(seen.map(({ state }) => state).sort()).toEqual(
      ["estimated", "released", "reserved", ...Array(6).fill("settled")].sort(),
    );
    expect(seen.reduce((total, call) => total + micro(call.cost_usd), 0)).toBe(3_071);
    expect(seen[0]).toMatchObject({ agent_run: "task-2/coder", turn: 1, state: "reserved", cost_usd: 0 });
  });

  test("are those of the team, whatever they are put together by", async () => {
    const paid = await db.spend.aggregate({ where: { teamId: member.teamId }, _sum: { costMicro: true } });
    for (const by of ["day", "role", "model", "provider", "project", "job"]) {
      const costs = await get(`/costs?by=${by}`);
      expect([by, sum(costs.rows), micro(costs.total.cost_usd)]).toEqual([
        by,
        3_071,
        Number(paid._sum.costMicro),
      ]);
    }
    expect((await get("/costs?by=job")).rows[0]).toMatchObject({ key: root.publicId, label: "The whole" });
    expect((await get("/costs?by=model")).rows.map((row: { key: string }) => row.key)).toContain(
      "anthropic/claude-sonnet-5-5",
    );
    const none = await get("/costs?from=2020-01-01&to=2020-01-31");
    expect(none).toMatchObject({ rows: [], total: { calls: 0, cost_usd: 0 }, others: null });
  });
});

describe("a question that makes no sense", () => {
  test.each([
    ["/costs?by=colour", "by"],
    ["/costs?by=day;drop", "by"],
    ["/costs?from=2026-02-30", "from"],
    ["/costs?from=yesterday", "from"],
    ["/costs?from=2026-11-21T00:00:00Z", "from"],
    ["/costs?from=2026-11-21&to=2026-11-20", "from"],
    ["/costs?from=2020-01-01&to=2026-01-01", "366 days"],
    ["/costs?from=2020-01-01", "366 days"],
    ["/costs?team=1", "team"],
    ["/costs?by=day&by=job", "twice"],
  ])("%s is refused with a sentence", async (path, said) => {
    const { status, json } = await send("GET", path);
    expect([status, json.error.code]).toEqual([400, "bad_request"]);
    expect(json.error.message).toContain(said);
  });

  test.each(["limit=0", "limit=1000", "limit=x", "cursor=-1", "cursor=%27", "page=2"])(
    "calls?%s is refused",
    async (query) => {
      const job = await fileJob();
      const { status } = await send("GET", `/jobs/${job.publicId}/costs/calls?${query}`);
      expect(status).toBe(400);
    },
  );
});

describe("the cap of a team's day", () => {
  const cap = () =>
    db.team.findUniqueOrThrow({ where: { id: admin.teamId } }).then((team) => team.budgetDayMicroUsd);
  const set = (body: unknown, token = admin.token) => send("POST", "/team/budget", { token, body });

  test("is set by an admin, and given back to the factory's setting", async () => {
    expect((await set({ budget_day_usd: 12.5 })).json).toMatchObject({ budget_usd: 12.5, own: true });
    expect(await cap()).toBe(12_500_000n);
    expect((await set({ budget_day_usd: null })).json).toMatchObject({ budget_usd: 50, own: false });
    expect(await cap()).toBeNull();
  });

  test.each([
    [{ budget_day_usd: 0 }],
    [{ budget_day_usd: -1 }],
    [{ budget_day_usd: "12" }],
    [{ budget_day_usd: 1e12 }],
    [{}],
    [{ budget_day_usd: 5, team: 1 }],
    [{ budget_usd: 5 }],
  ])("%j is refused and changes nothing", async (body) => {
    expect((await set(body)).status).toBe(400);
    expect(await cap()).toBeNull();
  });

  test("is nobody's but an admin's to set", async () => {
    expect((await set({ budget_day_usd: 1 }, member.token)).status).toBe(403);
    expect(await cap()).toBeNull();
  });

  test("pauses a job until tomorrow, or until it is raised", async () => {
    const job = await running(await fileJob());
    const spent = (await get("/costs")).day.spent_usd;
    await set({ budget_day_usd: Math.max(spent, 0.001) });
    const refused = await reserve(job, "task-1/coder");
    expect(refused).toMatchObject({ allowed: false, why: "cap", whose: "day" });
    if (refused.allowed || refused.why !== "cap") throw new Error("it was allowed");
    await db.$transaction((tx) => pauseForBudget(tx, job, refused.message, refused));
    const paused = await now(job);
    expect(paused).toMatchObject({ state: "paused", waitingCode: "day_budget" });
    expect(paused.wakeAt?.toISOString()).toMatch(/T00:00:00\.000Z$/);
    expect((paused.wakeAt?.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(86_400_000);
    await sweepPaused(db);
    expect((await now(job)).state).toBe("paused");
    await set({ budget_day_usd: 60 });
    await sweepPaused(db);
    expect((await now(job)).state).toBe("running");
    await set({ budget_day_usd: null });
  });

  test("that was raised in the moment of the pause pauses nobody", async () => {
    const job = await running(await fileJob());
    await set({ budget_day_usd: 30 });
    await db.$transaction((tx) =>
      pauseForBudget(tx, job, "It is spent.", { whose: "day", cap: 20_000_000n }),
    );
    expect((await now(job)).state).toBe("running");
    await set({ budget_day_usd: null });
  });
});

const now = (job: Job) => db.job.findUniqueOrThrow({ where: { id: job.id } });
const running = (job: Job) =>
  db.job.update({ where: { id: job.id }, data: { state: "running", claimable: false } });

describe("the cap of a job", () => {
  test("that is reached: the job says what is done, what is open and what it cost", async () => {
    const job = await running(await fileJob({ budget_usd: 0.01 }));
    const titles = ["Model", "View", "Rules"];
    await db.task.createMany({
      data: titles.map((title, i) => ({ jobId: job.id, run: 1, n: i + 1, title, done: i === 0 })),
    });
    await pay(job, "task-1/coder", 9_000n, { maxTokens: 1_024 });
    const refused = await reserve(job, "task-2/coder");
    if (refused.allowed || refused.why !== "cap") throw new Error("it was allowed");
    await db.$transaction((tx) => pauseForBudget(tx, job, refused.message, refused));
    expect(await now(job)).toMatchObject({
      state: "paused",
      waitingCode: "budget",
      wakeAt: null,
      waitingReason: "The budget of this job does not buy another answer. 1 of 3 tasks done; $0.009 spent.",
    });
    const said = await db.jobEvent.findFirstOrThrow({ where: { jobId: job.id, type: "budget.reached" } });
    expect(said.data).toEqual({
      whose: "job",
      cap_usd: 0.01,
      spent_usd: 0.009,
      tasks_done: 1,
      tasks: 3,
      open: ["View", "Rules"],
      commit: null,
    });
    const raised = await send("POST", `/jobs/${job.publicId}/budget`, {
      body: { budget_usd: 1, resume: true },
    });
    expect(raised.json).toMatchObject({ status: "running", budget_usd: 1, waiting_code: "no_worker" });
    expect(await reserve(job, "task-2/coder")).toMatchObject({ allowed: true });
  });

  test("raised on the whole lets its parts go on that had stopped at it, and no others", async () => {
    const root = await running(await fileJob({ budget_usd: 1 }));
    const [capped, byHand, other] = await Promise.all([fileJob({}, root), fileJob({}, root), fileJob()]);
    for (const job of [capped, other]) {
      await running(job);
      await db.$transaction((tx) =>
        pauseForBudget(tx, job, "It is spent.", {
          whose: "job",
          cap: job === other ? other.budgetMicroUsd : 1_000_000n,
        }),
      );
    }
    await send("POST", `/jobs/${byHand.publicId}/pause`);
    await send("POST", `/jobs/${root.publicId}/pause`);
    const { json } = await send("POST", `/jobs/${root.publicId}/budget`, {
      body: { budget_usd: 2, resume: true },
    });
    // A person had paused the whole: money is not what it waits for.
    expect(json).toMatchObject({ status: "paused", budget_usd: 2 });
    expect(await Promise.all([capped, byHand, other].map(async (job) => (await now(job)).state))).toEqual([
      "running",
      "paused",
      "paused",
    ]);
  });

  test("that was raised in the moment of the pause pauses nobody", async () => {
    const root = await fileJob({ budget_usd: 2 });
    const child = await running(await fileJob({}, root));
    await db.$transaction((tx) =>
      pauseForBudget(tx, child, "It is spent.", { whose: "job", cap: 1_000_000n }),
    );
    expect((await now(child)).state).toBe("running");
  });

  test("cannot be set on a part: its whole is named", async () => {
    const root = await fileJob();
    const child = await fileJob({}, root);
    const { status, json } = await send("POST", `/jobs/${child.publicId}/budget`, {
      body: { budget_usd: 9 },
    });
    expect([status, json.error.code]).toEqual([409, "conflict"]);
    expect(json.error.message).toContain(root.publicId);
  });

  test.each([[{ resume: true }], [{ budget_usd: 3, resume: "yes" }], [{ budget_usd: 3, resumed: true }]])(
    "%j is refused",
    async (body) => {
      const job = await fileJob();
      expect((await send("POST", `/jobs/${job.publicId}/budget`, { body })).status).toBe(400);
    },
  );
});

test("the team is told once a day that four fifths of the day's cap are spent", async () => {
  const job = await fileJob({ budget_usd: 50 });
  const spent = micro((await get("/costs")).day.spent_usd);
  await send("POST", "/team/budget", {
    token: admin.token,
    body: { budget_day_usd: (spent + 10_000_000) / 1_000_000 },
  });
  const threshold = Math.floor(((spent + 10_000_000) * 80) / 100);
  const alerts = () => db.jobEvent.findMany({ where: { jobId: job.id, type: "spend.day_alert" } });
  await pay(job, "a", BigInt(threshold - spent - 1), { maxTokens: 900_000 });
  expect(await alerts()).toHaveLength(0);
  await pay(job, "a", 1n);
  await pay(job, "a", 1n);
  expect((await alerts()).map(({ data }) => data)).toEqual([
    { spent_usd: threshold / 1_000_000, cap_usd: (spent + 10_000_000) / 1_000_000, percent: 80 },
  ]);
});
