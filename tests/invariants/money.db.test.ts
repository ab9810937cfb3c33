// Invariant 11 and A10: the cap holds whatever happens at once, every call is settled once, and the sums agree to the
// micro-dollar.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import { connect, type Db } from "@/server/db";
import type { Job } from "@/server/generated/prisma/client";
import { costMicro, priceOf, upperBoundMicro } from "@/server/models/prices";
import { type Reservation, reserveSpend } from "@/server/services/spend/reserve-spend";
import { settleSpend } from "@/server/services/spend/settle-spend";
import { sweepSpend } from "@/server/services/spend/sweep-spend";
import { addTeam, type Core, eventsOf, fileJob, reload, startCore } from "../support/settings";

const PRICE = priceOf("simulation", "sim-1");
const INPUT = 2_000;
/** What one call of 2,000 tokens in and 2,000 out can cost. */
const CALL = upperBoundMicro(PRICE, { inputTokens: INPUT, maxTokens: 2_000 });
const usage = (output: number) => ({ input: INPUT, output, cacheRead: 0, cacheWrite: 0 });

let core: Core;
let db: Db;
let ctx: Ctx;
let teams = 0;

beforeAll(async () => {
  core = await startCore({ BUDGET_ALERT_USD: "0.02", BUDGET_DAY_USD: "50" });
  // A hundred callers at once wait in line here; how long a request does is not what is looked at.
  db = connect(core.url, 12, 60_000);
});
beforeEach(async () => {
  ctx = await addTeam(db, `team-${++teams}`);
});
afterAll(async () => {
  await db.$disconnect();
  await core.close();
});

const jobWith = async (micro: number, root?: Job) => {
  const job = await fileJob(ctx);
  const rootId = root?.id ?? job.id;
  return db.job.update({ where: { id: job.id }, data: { budgetMicroUsd: BigInt(micro), rootId } });
};
const reserve = (job: Job, key: string, maxTokens = 2_000, inputTokens = INPUT): Promise<Reservation> =>
  reserveSpend(db, {
    job,
    key: `${job.publicId}/${key}`,
    role: "coder",
    provider: "simulation",
    model: "sim-1",
    price: PRICE,
    inputTokens,
    maxTokens,
    timeoutMs: 1_000,
  });
const settle = (job: Job, key: string, cost: number, as: "settled" | "estimated" | "released" = "settled") =>
  db.$transaction((tx) =>
    settleSpend(tx, { key: `${job.publicId}/${key}`, usage: usage(100), costMicro: BigInt(cost), as }),
  );
const day = () => db.dailySpend.findFirstOrThrow({ where: { teamId: ctx.actor.teamId } });

/** Every sum that there is, computed from the single calls, against what the rows say. */
async function expectSumsToAgree(roots: Job[]) {
  const spends = await db.spend.findMany({ where: { teamId: ctx.actor.teamId } });
  const sum = (rows: typeof spends, pick: (row: (typeof spends)[0]) => bigint) =>
    rows.reduce((total, row) => total + pick(row), 0n);
  const open = (rows: typeof spends) =>
    sum(
      rows.filter((row) => row.state === "reserved"),
      (row) => row.reservedMicro,
    );
  for (const root of roots) {
    const own = spends.filter((row) => row.rootJobId === root.id);
    const row = await reload(db, root);
    expect(row.spentMicroUsd).toBe(sum(own, (one) => one.costMicro));
    expect(row.reservedMicroUsd).toBe(open(own));
    expect(row.spentMicroUsd + row.reservedMicroUsd).toBeLessThanOrEqual(row.budgetMicroUsd);
  }
  expect(await day()).toMatchObject({
    spentMicro: sum(spends, (row) => row.costMicro),
    reservedMicro: open(spends),
  });
}

describe("the cap of a job", () => {
  test("is never passed by 100 calls at once, and the rest waits for the open ones", async () => {
    const job = await jobWith(CALL * 10 + CALL / 4);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => reserve(job, `${i}`)));
    const allowed = answers.filter((answer) => answer.allowed);
    expect(allowed.length).toBe(10);
    for (const answer of answers) if (!answer.allowed) expect(answer.why).toBe("waits");
    await expectSumsToAgree([job]);
  });

  test("holds when calls are reserved and settled in parallel, as long as settling keeps to what was reserved", async () => {
    const job = await jobWith(CALL * 20);
    const one = async (i: number) => {
      const answer = await reserve(job, `${i}`);
      if (!answer.allowed) return answer.why;
      const most = upperBoundMicro(PRICE, { inputTokens: INPUT, maxTokens: answer.maxTokens });
      if (i % 5 === 0) await settle(job, `${i}`, 0, "released");
      else if (i % 7 === 0) await settle(job, `${i}`, most, "estimated");
      else await settle(job, `${i}`, costMicro(PRICE, usage(Math.min(answer.maxTokens, 10 * (i % 90)))));
      return "paid";
    };
    const ends = await Promise.all(Array.from({ length: 100 }, (_, i) => one(i)));
    expect(ends.filter((end) => end === "paid").length).toBeGreaterThan(19);
    await expectSumsToAgree([job]);
    expect((await reload(db, job)).reservedMicroUsd).toBe(0n);
  });

  test("is one for a job and everything below it", async () => {
    const root = await jobWith(CALL * 5);
    const others = [await jobWith(CALL * 100, root), await jobWith(CALL * 100, root)] as const;
    // Which of them a crowd lets through is anybody's guess, so one of a child's comes first.
    expect(await reserve(others[0], "first")).toMatchObject({ allowed: true });
    const callers = [root, ...others];
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => reserve(callers[i % 3] as Job, `${i}`)),
    );
    expect(answers.filter((answer) => answer.allowed)).toHaveLength(4);
    await expectSumsToAgree([root]);
    const paid = await db.spend.findFirstOrThrow({ where: { jobId: others[0].id } });
    await db.$transaction((tx) =>
      settleSpend(tx, { key: paid.key, usage: usage(1), costMicro: 5n, as: "settled" }),
    );
    expect((await reload(db, root)).spentMicroUsd).toBe(5n);
    expect((await reload(db, others[0])).spentMicroUsd).toBe(5n);
  });

  test("buys a shorter answer when it does not buy a whole one, down to 1,024 tokens", async () => {
    const short = upperBoundMicro(PRICE, { inputTokens: INPUT, maxTokens: 1_024 });
    const exact = await jobWith(short);
    expect(await reserve(exact, "1", 4_096)).toEqual({ allowed: true, maxTokens: 1_024 });
    const less = await jobWith(short - 1);
    expect(await reserve(less, "1", 4_096)).toMatchObject({ allowed: false, why: "cap" });
    const half = await jobWith(Math.ceil(CALL * 0.8));
    const answer = await reserve(half, "1", 2_000);
    expect(answer).toMatchObject({ allowed: true });
    if (answer.allowed) expect(answer.maxTokens).toBeLessThan(2_000);
    await expectSumsToAgree([exact, less, half]);
  });

  test("says that the money is spent when it is, and that others hold it when they do", async () => {
    const job = await jobWith(CALL);
    await reserve(job, "1");
    expect(await reserve(job, "2")).toMatchObject({ allowed: false, why: "waits" });
    await settle(job, "1", CALL);
    expect(await reserve(job, "3")).toMatchObject({
      allowed: false,
      why: "cap",
      message: expect.stringContaining("job"),
    });
    await db.job.update({ where: { id: job.id }, data: { budgetMicroUsd: BigInt(CALL * 2) } });
    expect(await reserve(job, "4")).toMatchObject({ allowed: true });
  });

  test("does not stand in the way of a model that costs nothing", async () => {
    const job = await jobWith(1);
    const free = { ...PRICE, ...priceOf("ollama", "qwen") };
    const request = {
      job,
      key: `${job.publicId}/free`,
      role: "coder",
      provider: "ollama",
      model: "qwen",
    } as const;
    const answer = await reserveSpend(db, {
      ...request,
      price: free,
      inputTokens: 1e6,
      maxTokens: 4_096,
      timeoutMs: 1,
    });
    expect(answer).toEqual({ allowed: true, maxTokens: 4_096 });
  });

  test("counts the same key once", async () => {
    const job = await jobWith(CALL * 10);
    const ends = await Promise.allSettled(Array.from({ length: 10 }, () => reserve(job, "1")));
    expect(ends.filter((end) => end.status === "fulfilled" && end.value.allowed)).toHaveLength(1);
    expect(await reserve(job, "1")).toMatchObject({ allowed: false, why: "known" });
    expect((await reload(db, job)).reservedMicroUsd).toBe(BigInt(CALL));
    await expectSumsToAgree([job]);
  });
});

describe("the cap of a team's day", () => {
  test("holds over all jobs at once", async () => {
    ctx = await addTeam(db, `capped-${++teams}`, { budgetDay: BigInt(CALL * 7) });
    const jobs = await Promise.all(Array.from({ length: 10 }, () => jobWith(CALL * 100)));
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => reserve(jobs[i % 10] as Job, `${i}`)),
    );
    expect(answers.filter((answer) => answer.allowed)).toHaveLength(7);
    for (const answer of answers) if (!answer.allowed) expect(answer.why).toBe("waits");
    await expectSumsToAgree(jobs);
    for (const { key } of await db.spend.findMany({ where: { teamId: ctx.actor.teamId } }))
      await db.$transaction((tx) =>
        settleSpend(tx, { key, usage: usage(1), costMicro: BigInt(CALL), as: "settled" }),
      );
    expect(await reserve(jobs[0] as Job, "more")).toMatchObject({
      why: "cap",
      message: expect.stringContaining("team's day"),
    });
  });

  test("is the factory's when the team has none, and another team's spending does not count", async () => {
    const job = await jobWith(60_000_000);
    await reserve(job, "1");
    await db.dailySpend.updateMany({
      where: { teamId: ctx.actor.teamId },
      data: { spentMicro: 50_000_000n },
    });
    expect(await reserve(job, "2")).toMatchObject({ allowed: false, why: "cap" });
    ctx = await addTeam(db, `other-${++teams}`);
    expect(await reserve(await jobWith(CALL), "1")).toMatchObject({ allowed: true });
  });

  test("is the day in UTC, whatever the database's own time zone is", async () => {
    await db.$transaction(async (tx) => {
      for (const zone of ["Pacific/Kiritimati", "Pacific/Midway"]) {
        await tx.$executeRawUnsafe(`SET LOCAL TIME ZONE '${zone}'`);
        const job = await jobWith(CALL * 10);
        const inZone = {
          $queryRaw: tx.$queryRaw.bind(tx),
          $transaction: (work: (t: typeof tx) => unknown) => work(tx),
        } as unknown as Db;
        const request = {
          key: `${job.publicId}/1`,
          role: "coder",
          provider: "simulation",
          model: "sim-1",
        } as const;
        const more = { job, price: PRICE, inputTokens: INPUT, maxTokens: 2_000, timeoutMs: 1_000 };
        expect(await reserveSpend(inZone, { ...request, ...more })).toMatchObject({ allowed: true });
        const held = await tx.dailySpend.findFirstOrThrow({ where: { teamId: ctx.actor.teamId } });
        expect(held.day.toISOString().slice(0, 10)).toBe(new Date().toISOString().slice(0, 10));
        expect(held.reservedMicro).toBe(BigInt(CALL));
        await settleSpend(tx, { key: `${job.publicId}/1`, usage: usage(1), costMicro: 9n, as: "settled" });
        const after = await tx.dailySpend.findFirstOrThrow({ where: { teamId: ctx.actor.teamId } });
        expect(after).toMatchObject({
          reservedMicro: 0n,
          spentMicro: 9n * BigInt(zone.endsWith("Midway") ? 2 : 1),
        });
      }
    });
  });
});

describe("settling", () => {
  test("happens once, however often and however it is tried", async () => {
    const job = await jobWith(CALL * 10);
    await reserve(job, "1");
    const tries = await Promise.all(
      Array.from({ length: 20 }, (_, i) => settle(job, "1", 1_000 + i, i % 2 ? "settled" : "estimated")),
    );
    expect(tries.filter(Boolean)).toHaveLength(1);
    await expectSumsToAgree([job]);
    const told = (await eventsOf(db, job)).filter((event) => event.type === "spend.settled");
    expect(told).toHaveLength(1);
  });

  test("of what was never reserved does nothing", async () => {
    const job = await jobWith(CALL);
    expect(await settle(job, "nothing", 5)).toBe(false);
    expect((await reload(db, job)).spentMicroUsd).toBe(0n);
  });

  test("as released gives everything back and is not in the log", async () => {
    const job = await jobWith(CALL);
    await reserve(job, "1");
    await settle(job, "1", 999, "released");
    expect(await reload(db, job)).toMatchObject({ spentMicroUsd: 0n, reservedMicroUsd: 0n });
    expect((await eventsOf(db, job)).map((event) => event.type)).toEqual(["job.created"]);
    expect(await reserve(job, "2")).toMatchObject({ allowed: true });
  });
});

describe("a reservation that nobody settled", () => {
  const age = (job: Job, seconds: number) =>
    db.$executeRaw`UPDATE spend SET deadline = now() - make_interval(secs => ${seconds}::float8) WHERE job_id = ${job.id}`;

  test("is charged in full 60 s after its call's end, as estimated, once, and not before", async () => {
    const job = await jobWith(CALL * 10);
    await reserve(job, "1");
    await age(job, 50);
    await sweepSpend(db);
    expect((await db.spend.findFirstOrThrow({ where: { jobId: job.id } })).state).toBe("reserved");
    await age(job, 61);
    await Promise.all([sweepSpend(db), sweepSpend(db)]);
    expect(await db.spend.findFirst({ where: { jobId: job.id } })).toMatchObject({
      state: "estimated",
      costMicro: BigInt(CALL),
    });
    expect(await settle(job, "1", 1)).toBe(false);
    await expectSumsToAgree([job]);
  });
});

describe("the alert", () => {
  test("is told once, by the call that reaches the threshold", async () => {
    const job = await jobWith(10_000_000);
    const alerts = async () => (await eventsOf(db, job)).filter((event) => event.type === "spend.alert");
    for (const [i, cost] of [19_999, 1, 5_000, 0].entries()) {
      await reserve(job, `${i}`);
      await settle(job, `${i}`, cost);
      expect(await alerts()).toHaveLength(i === 0 ? 0 : 1);
    }
    expect((await alerts())[0]?.data).toEqual({ total_usd: 0.02, threshold_usd: 0.02 });
  });

  test("is told once when many calls are settled at the same moment", async () => {
    const job = await jobWith(10_000_000);
    await Promise.all(Array.from({ length: 20 }, (_, i) => reserve(job, `${i}`)));
    await Promise.all(Array.from({ length: 20 }, (_, i) => settle(job, `${i}`, 3_000)));
    const told = (await eventsOf(db, job)).filter((event) => event.type === "spend.alert");
    expect(told).toHaveLength(1);
    await expectSumsToAgree([job]);
  });
});
