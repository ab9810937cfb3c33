// Invariant 7 and the policies of the queue: what holds jobs back, the one reason that each of them gives, and that
// what waits holds nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startAgentRun } from "@/server/agents/start-agent-run";
import type { Ctx } from "@/server/context";
import { connect, type Db } from "@/server/db";
import type { JobMove } from "@/server/domain/job-state";
import { NotYet } from "@/server/domain/step-outcome";
import type { Job } from "@/server/generated/prisma/client";
import { cancelJob } from "@/server/services/jobs/cancel-job";
import { getJob } from "@/server/services/jobs/get-job";
import { moveAlone, moveJob } from "@/server/services/jobs/move-job";
import { pauseForBudget, pauseForQuota } from "@/server/services/jobs/pause-itself";
import { pauseJob } from "@/server/services/jobs/pause-job";
import { resumeJob } from "@/server/services/jobs/resume-job";
import { retryJob } from "@/server/services/jobs/retry-job";
import { setDependencies } from "@/server/services/jobs/set-dependencies";
import { setPriority } from "@/server/services/jobs/set-priority";
import { type QueueLimits, queueLimits } from "@/server/services/limits/queue-limits";
import { claimJob } from "@/server/services/queue/claim-job";
import { peekQueue } from "@/server/services/queue/peek-queue";
import { queueStats } from "@/server/services/queue/queue-stats";
import { sweepPaused } from "@/server/services/queue/sweep-paused";
import { whyWaiting } from "@/server/services/queue/why-waiting";
import {
  addTeam,
  addWorkers,
  type Core,
  eventsOf,
  fileJob,
  refusalOf,
  reload,
  startCore,
} from "../support/settings";

let core: Core;
let db: Db;
/** The client of a second app process. */
let two: Db;
let north: Ctx;
let south: Ctx;
let workers: string[];
const NONE: QueueLimits = {
  factory: null,
  team: null,
  lanes: {},
  dayMicroUsd: 50_000_000n,
  dayAgentRuns: 10_000,
  cooldownSeconds: 0,
};
const claim = (index: number, limits: Partial<QueueLimits> = {}) =>
  claimJob(db, workers[index] as string, 60, { ...NONE, ...limits });
const move = (job: Job, ...moves: JobMove[]) =>
  db.$transaction(async (tx) => {
    for (const name of moves) await moveJob(tx, { job: job.id, move: name, actor: "factory" });
  });
const reasonOf = async (job: Job, limits: Partial<QueueLimits> = {}) => {
  const row = await reload(db, job);
  return (await whyWaiting(db, [row], { ...NONE, ...limits })).get(job.id) ?? null;
};
const leases = () => db.job.count({ where: { leaseWorkerId: { not: null } } });

beforeAll(async () => {
  core = await startCore({ LANE_LIMITS: "validation=1", DAILY_BUDGET: "3" });
  db = core.db;
  two = connect(core.url, 6);
  await two.$connect();
  north = await addTeam(db, "north");
  south = await addTeam(db, "south", { budgetDay: 1_000_000n });
});
beforeEach(async () => {
  await db.job.deleteMany();
  await db.dailySpend.deleteMany();
  await db.queueClock.deleteMany();
  await db.queueTally.deleteMany();
  await db.runner.deleteMany();
  workers = await addWorkers(db, 8);
});
afterAll(async () => {
  await two.$disconnect();
  await core.close();
});

describe("a worker", () => {
  test("that asks many times at the same moment gets one lease", async () => {
    for (let i = 0; i < 6; i++) await fileJob(north, { title: `job ${i}` });
    const taken = await Promise.all(Array.from({ length: 6 }, () => claim(0)));
    expect(taken.filter((job) => job !== null)).toHaveLength(1);
    expect(await leases()).toBe(1);
    expect(await claim(0)).toBeNull();
    expect(await claim(1)).not.toBeNull();
  });

  test("that asks two processes at the same moment gets one lease", async () => {
    for (let round = 0; round < 20; round++) {
      await fileJob(north);
      await fileJob(north);
      const asking = [db, two].map((at) => claimJob(at, workers[round % 8] as string, 60, NONE));
      const taken = (await Promise.all(asking)).filter((job) => job !== null);
      expect(taken).toHaveLength(1);
      await moveAlone(db, { job: taken[0]?.id as bigint, move: "correction_done", actor: "factory" });
    }
  });
});

describe("a limit of leases", () => {
  const limits: [string, Partial<QueueLimits>, string, number][] = [
    ["of the factory", { factory: 3 }, "factory_limit", 3],
    ["of a team", { team: 2 }, "team_limit", 2],
    ["of a lane", { lanes: { owners: 4 } }, "lane_limit", 4],
  ];

  test.each(limits)(
    "%s is reached and never passed by many claims at once",
    async (_, limit, code, count) => {
      const jobs = [];
      for (let i = 0; i < 8; i++) jobs.push(await fileJob(north, { title: `job ${i}` }));
      const taken = await Promise.all(workers.map((__, i) => claim(i, limit)));
      expect(taken.filter((job) => job !== null)).toHaveLength(count);
      expect(await leases()).toBe(count);
      expect(await reasonOf(jobs[7] as Job, limit)).toMatchObject({
        code,
        text: expect.stringContaining(`${count} jobs`),
      });
      const done = taken.find((job) => job !== null) as Job;
      await move(done, "gave_up");
      expect(await claim(workers.indexOf(done.leaseWorkerId as string), limit)).not.toBeNull();
      expect(await leases()).toBe(count);
    },
  );

  test("that no number of workers can reach costs no order of claims, and holds when workers are added", async () => {
    for (let i = 0; i < 12; i++) await fileJob(north);
    const limit = { factory: 8 };
    await Promise.all(workers.map((_, i) => claim(i, limit)));
    expect(await leases()).toBe(8);
    const more = await addWorkers(db, 2);
    const taken = await Promise.all(more.map((id) => claimJob(db, id, 60, { ...NONE, ...limit })));
    expect(taken).toEqual([null, null]);
  });

  test("of one team leaves the workers to another", async () => {
    for (let i = 0; i < 4; i++) await fileJob(north, { title: "north", priority: "critical" });
    await fileJob(south, { title: "south", priority: "low" });
    const order = [];
    for (let i = 0; i < 3; i++) order.push((await claim(i, { team: 2 }))?.title);
    expect(order).toEqual(["north", "north", "south"]);
  });

  test("of a lane sends a job that comes into it back to the queue, with its worker freed", async () => {
    const [a, b] = [await fileJob(north), await fileJob(north)];
    await claim(0);
    await claim(1);
    await move(a, "loop_green");
    expect(await reload(db, a)).toMatchObject({ lane: "validation", leaseWorkerId: workers[0] });
    await move(b, "loop_green");
    expect(await reload(db, b)).toMatchObject({ state: "validating", leaseWorkerId: null, claimable: true });
    const settings = queueLimits();
    expect(await claimJob(db, workers[2] as string, 60, settings)).toBeNull();
    expect(await reasonOf(b, settings)).toMatchObject({ code: "lane_limit" });
    await move(a, "passed", "delivered");
    expect((await claimJob(db, workers[2] as string, 60, settings))?.id).toBe(b.id);
  });
});

describe("what a day allows", () => {
  const today = (ctx: Ctx, values: { spentMicro?: bigint; agentRuns?: number }) =>
    db.dailySpend.create({
      data: { teamId: ctx.actor.teamId, day: new Date(new Date().toISOString().slice(0, 10)), ...values },
    });

  test.each([
    ["day_budget", { spentMicro: 1_000_000n }],
    ["day_agent_runs", { agentRuns: 10_000 }],
  ])("%s closes the queue of that team to new jobs, not to those that have begun", async (code, spent) => {
    const begun = await fileJob(south, { title: "begun" });
    await claim(0);
    await pauseJob({ ctx: south, input: { id: begun.publicId } });
    await resumeJob({ ctx: south, input: { id: begun.publicId } });
    const fresh = await fileJob(south, { title: "fresh" });
    await fileJob(north, { title: "north" });
    await today(south, spent);
    expect(await reasonOf(fresh)).toMatchObject({ code, text: expect.stringContaining("tomorrow") });
    expect((await claim(1))?.title).toBe("begun");
    expect((await claim(2))?.title).toBe("north");
    expect(await claim(3)).toBeNull();
  });

  test("agent runs are counted up to the limit; the next one pauses its job until tomorrow, once a day", async () => {
    const job = await fileJob(north);
    await claim(0);
    const begin = (key: string) =>
      startAgentRun(db, { job, key, role: "coder", first: "Build it.", task: 1 });
    for (const key of ["one", "two", "two", "three", "one"]) await begin(key);
    await expect(begin("four")).rejects.toBeInstanceOf(NotYet);
    expect(await db.agentRun.count({ where: { jobId: job.id } })).toBe(3);
    const paused = await reload(db, job);
    expect(paused).toMatchObject({ state: "paused", waitingCode: "day_agent_runs", leaseWorkerId: null });
    expect(paused.wakeAt?.toISOString().slice(11)).toBe("00:00:00.000Z");
    expect(await sweepPaused(db)).toBe(0);
  });
});

test("agents that begin in one moment do not pass the day's cap together", async () => {
  const jobs = [];
  for (let i = 0; i < 12; i++) jobs.push(await fileJob(i % 3 === 0 ? south : north));
  const ends = await Promise.allSettled(
    jobs.map((job) => startAgentRun(db, { job, key: "one", role: "coder", first: "Build it.", task: 1 })),
  );
  const begun = (ctx: Ctx) => db.agentRun.count({ where: { job: { teamId: ctx.actor.teamId } } });
  expect([await begun(north), await begun(south)]).toEqual([3, 3]);
  const kept = ends.filter(({ status }) => status === "rejected");
  expect(kept.map((end) => (end as PromiseRejectedResult).reason)).toEqual(
    kept.map(() => expect.any(NotYet)),
  );
  expect(await db.job.count({ where: { state: "paused", waitingCode: "day_agent_runs" } })).toBe(6);
  expect(await db.dailySpend.findMany({ select: { agentRuns: true } })).toEqual([
    { agentRuns: 3 },
    { agentRuns: 3 },
  ]);
});

test("an agent that is begun by several calls of the same step at once is counted once", async () => {
  const job = await fileJob(north);
  const begin = () => startAgentRun(db, { job, key: "one", role: "coder", first: "Build it.", task: 1 });
  let calls: Promise<void>[] = [];
  await db.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 AS held FROM job WHERE id = ${job.id} FOR UPDATE`;
    calls = [begin(), begin(), begin()];
    const waiting = () => db.$queryRaw<unknown[]>`
      SELECT 1 AS waits FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await expect.poll(async () => (await waiting()).length).toBe(3);
  });
  await Promise.all(calls);
  expect(await db.agentRun.count()).toBe(1);
  expect(await db.dailySpend.findMany({ select: { agentRuns: true } })).toEqual([{ agentRuns: 1 }]);
});

describe("the cooldown", () => {
  test("lets one job begin at a time, begun ones are free of it", async () => {
    const [first, second] = [await fileJob(north), await fileJob(north)];
    const cool = { cooldownSeconds: 60 };
    const taken = await Promise.all([claim(0, cool), claim(1, cool), claim(2, cool)]);
    expect(taken.filter((job) => job !== null).map((job) => job?.id)).toEqual([first.id]);
    expect(await reasonOf(second, cool)).toMatchObject({ code: "cooldown" });
    await pauseJob({ ctx: north, input: { id: first.publicId } });
    await resumeJob({ ctx: north, input: { id: first.publicId } });
    expect((await claim(3, cool))?.id).toBe(first.id);
    await db.$executeRaw`UPDATE queue_clock SET first_claim_at = now() - interval '61 seconds'`;
    expect((await claim(4, cool))?.id).toBe(second.id);
  });
});

describe("the reason for waiting", () => {
  test("is what the claim would do: a job with a free lane is claimed next, one without is not", async () => {
    const jobs = [];
    for (const ctx of [north, south]) for (let i = 0; i < 3; i++) jobs.push(await fileJob(ctx));
    const limits = { team: 1, lanes: { owners: 2 } };
    for (let i = 0; ; i++) {
      const rows = await db.job.findMany({ where: { claimable: true } });
      const reasons = new Map<bigint, string | undefined>();
      for (const ctx of [north, south]) {
        const mine = rows.filter((row) => row.teamId === ctx.actor.teamId);
        for (const [id, why] of await whyWaiting(db, mine, { ...NONE, ...limits })) reasons.set(id, why.code);
      }
      const open = rows.filter((row) => reasons.get(row.id) === "no_worker");
      const taken = await claim(i, limits);
      expect(taken === null).toBe(open.length === 0);
      if (!taken) break;
      expect(open.map((row) => row.id)).toContain(taken.id);
    }
    expect(await leases()).toBe(2);
  });

  test("says when no worker is there at all", async () => {
    const job = await fileJob(north);
    expect(await reasonOf(job)).toMatchObject({ code: "no_worker", text: "waits for a free worker" });
    await db.worker.updateMany({ data: { status: "dead" } });
    expect(await reasonOf(job)).toMatchObject({ text: "waits for a worker: none is connected" });
    expect(await claim(0)).toBeNull();
  });

  test("is there for every job that waits and for no other, in views and in the queue", async () => {
    const a = await fileJob(north);
    const waits = await fileJob(north, { depends_on: [a.publicId], priority: "critical" });
    const paused = await fileJob(north);
    await pauseJob({ ctx: north, input: { id: paused.publicId } });
    const view = (job: Job) => getJob({ ctx: north, input: { id: job.publicId } });
    expect(await view(a)).toMatchObject({ waiting_code: "no_worker" });
    expect(await view(waits)).toMatchObject({
      waiting_code: "dependency",
      waiting_reason: `waits for ${a.publicId}, which is pending`,
    });
    expect(await view(paused)).toMatchObject({ waiting_code: "paused" });
    const { jobs } = await peekQueue({ ctx: north, input: { limit: 10 } });
    expect(jobs.map((row) => [row.job.job_id, row.waiting_code])).toEqual([
      [a.publicId, "no_worker"],
      [waits.publicId, "dependency"],
    ]);
    await claim(0);
    expect(await view(a)).toMatchObject({ waiting_code: null, waiting_reason: null });
    expect(await view(waits)).toMatchObject({ waiting_reason: `waits for ${a.publicId}, which is running` });
    await move(a, "gave_up");
    expect(await view(waits)).toMatchObject({ waiting_code: "dependency_failed" });
    expect(await view(a)).toMatchObject({ waiting_code: null });
  });
});

describe("dependencies that are changed", () => {
  const depends = (job: Job, ...on: Job[]) =>
    setDependencies({ ctx: north, input: { id: job.publicId, depends_on: on.map((one) => one.publicId) } });

  test("hold a job back, and let it go when there are none", async () => {
    const [a, b] = [await fileJob(north), await fileJob(north, { priority: "critical" })];
    await depends(b, a);
    expect(await reload(db, b)).toMatchObject({ claimable: false, waitingCode: "dependency" });
    expect((await claim(0))?.id).toBe(a.id);
    await depends(b);
    expect((await claim(1))?.id).toBe(b.id);
    expect(await refusalOf(depends(b, a))).toBe("conflict");
  });

  test("are refused when jobs would wait for each other, and the circle is named", async () => {
    const a = await fileJob(north);
    const b = await fileJob(north, { depends_on: [a.publicId] });
    const c = await fileJob(north, { depends_on: [b.publicId] });
    await expect(depends(a, c)).rejects.toThrow(
      `these jobs would wait for each other: ${[a, c, b, a].map((job) => job.publicId).join(" → ")}.`,
    );
    await expect(depends(a, a)).rejects.toThrow(`${a.publicId} → ${a.publicId}`);
    expect(await db.jobDependency.count({ where: { jobId: a.id } })).toBe(0);
    expect((await claim(0))?.id).toBe(a.id);
  });

  test("do not close a circle when both halves are set at the same moment", async () => {
    for (let round = 0; round < 10; round++) {
      const [a, b] = [await fileJob(north), await fileJob(north)];
      const results = await Promise.allSettled([depends(a, b), depends(b, a)]);
      expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    }
  });

  test("on another team's job or on none are refused", async () => {
    const [mine, theirs] = [await fileJob(north), await fileJob(south)];
    expect(await refusalOf(depends(mine, theirs))).toBe("bad_request");
    expect(await refusalOf(fileJob(north, { depends_on: [theirs.publicId] }))).toBe("bad_request");
    expect(await refusalOf(fileJob(north, { depends_on: ["JOB-20200101000000-0000"] }))).toBe("bad_request");
  });
});

describe("a change of priority while waiting", () => {
  test("keeps what was waited for so far, and survives pause and resume", async () => {
    const old = await fileJob(north, { title: "old", priority: "low" });
    await db.$executeRaw`
      UPDATE job SET queued_at = queued_at - interval '1 hour', rank = rank - 3600000 WHERE id = ${old.id}`;
    const young = await fileJob(north, { title: "young", priority: "high" });
    await setPriority({ ctx: north, input: { id: old.publicId, priority: "high" } });
    await pauseJob({ ctx: north, input: { id: old.publicId } });
    await resumeJob({ ctx: north, input: { id: old.publicId } });
    expect((await claim(0))?.title).toBe("old");
    expect((await claim(1))?.id).toBe(young.id);
  });
});

describe("a pause for a provider's quota", () => {
  const quota = (job: Job, ms: number) =>
    db.$transaction((tx) => pauseForQuota(tx, job, ms, "The provider's limit is reached."));

  test("frees the worker and ends by itself, where the job was, by the database's clock", async () => {
    const job = await fileJob(north);
    await claim(0);
    await move(job, "loop_green");
    await quota(job, 3_600_000);
    expect(await reload(db, job)).toMatchObject({
      state: "paused",
      waitingCode: "quota",
      leaseWorkerId: null,
    });
    expect(await reasonOf(job)).toEqual({ code: "quota", text: "The provider's limit is reached." });
    expect(await sweepPaused(db)).toBe(0);
    await db.$executeRaw`UPDATE job SET wake_at = now() - interval '1 s' WHERE id = ${job.id}`;
    expect(await sweepPaused(db)).toBe(1);
    expect(await reload(db, job)).toMatchObject({
      state: "validating",
      claimable: true,
      rank: 0n,
      wakeAt: null,
    });
    const told = await db.outbox.findMany({ where: { name: "job/resumed" } });
    expect(told.filter((row) => (row.data as { job: string }).job === job.publicId)).toHaveLength(1);
    const last = (await eventsOf(db, job)).filter((event) => event.type === "job.moved").at(-1);
    expect(last?.data).toMatchObject({ move: "resume", actor: "factory", reason: "the wait is over" });
  });

  test.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY])("of %d ms is a pause all the same", async (ms) => {
    const job = await fileJob(north);
    await claim(0);
    await quota(job, ms);
    expect((await reload(db, job)).wakeAt?.getTime()).toBeGreaterThan(Date.now() - 10_000);
  });

  test("ends early by hand, and is not taken up again after a cancellation and a retry", async () => {
    const job = await fileJob(north);
    await claim(0);
    await quota(job, 60_000);
    await resumeJob({ ctx: north, input: { id: job.publicId } });
    expect((await reload(db, job)).wakeAt).toBeNull();
    await quota(job, 60_000);
    await cancelJob({ ctx: north, input: { id: job.publicId } });
    expect((await reload(db, job)).wakeAt).toBeNull();
    await retryJob({ ctx: north, input: { id: job.publicId } });
    expect(await sweepPaused(db)).toBe(0);
  });
});

describe("what waits holds nothing", () => {
  test("paused, parent, capped, quota and dependent jobs, as many as there are, never starve the workers", async () => {
    const waiting: Job[] = [];
    for (let i = 0; i < 40; i++) {
      const job = await fileJob(north, { title: `waits ${i}`, priority: "critical" });
      const taken = (await claim(i % workers.length)) as Job;
      expect(taken.id).toBe(job.id);
      const kinds = [
        () => pauseJob({ ctx: north, input: { id: job.publicId } }),
        () => db.$transaction((tx) => pauseForQuota(tx, job, 3_600_000, "quota")),
        () => db.$transaction((tx) => pauseForBudget(tx, job, "cap")),
        // A parent: children are worked on, it is paused meanwhile.
        () =>
          db.$transaction((tx) =>
            moveJob(tx, {
              job: job.id,
              move: "pause",
              actor: "factory",
              set: { waitingCode: "paused", waitingReason: "children" },
            }),
          ),
        () => move(job, "loop_green", "rejected", "correct"),
        () => move(job, "stuck"),
      ];
      await kinds[i % kinds.length]?.();
      waiting.push(await fileJob(north, { depends_on: [job.publicId], priority: "critical" }));
    }
    expect(await leases()).toBe(0);
    expect(await db.worker.count({ where: { status: "busy" } })).toBe(0);
    const fresh = [];
    for (let i = 0; i < workers.length; i++)
      fresh.push(await fileJob(north, { title: "fresh", priority: "low" }));
    const taken = await Promise.all(workers.map((_, i) => claim(i, { factory: workers.length })));
    expect(taken.map((job) => job?.title)).toEqual(fresh.map(() => "fresh"));
    expect(waiting).toHaveLength(40);
  });
});

describe("the statistics", () => {
  test("are kept with each claim and each end", async () => {
    for (let i = 0; i < 4; i++) await fileJob(north);
    await db.$executeRaw`UPDATE job SET queued_at = now() - interval '10 seconds'`;
    const [a, b, c] = [await claim(0), await claim(1), await claim(2)] as Job[];
    await db.$executeRaw`UPDATE job SET started_at = now() - interval '20 seconds' WHERE started_at IS NOT NULL`;
    await move(a as Job, "loop_green", "passed", "delivered");
    await move(b as Job, "gave_up");
    await cancelJob({ ctx: north, input: { id: (c as Job).publicId } });
    const stats = await queueStats({ ctx: north });
    expect(stats).toMatchObject({ waiting: 1, throughput_last_hour: 1, success_rate: 0.5 });
    // And no more than the test itself takes.
    expect(stats.wait_seconds.avg).toBeGreaterThanOrEqual(10);
    expect(stats.wait_seconds.avg).toBeLessThan(20);
    expect(stats.duration_seconds.max).toBeGreaterThanOrEqual(20);
    expect(stats.duration_seconds.max).toBeLessThan(40);
    expect(stats.lanes.owners).toMatchObject({ waiting: 1, leased: 0 });
    expect(stats.lanes.validation).toMatchObject({ limit: 1 });
    expect((await queueStats({ ctx: south })).throughput_last_hour).toBe(0);
  });
});
