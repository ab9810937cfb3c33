// Invariants 2 and 4: the lease is an axis of its own, with a fence that only rises, by the database's clock.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { ANY_RUNNER, EXTERNAL_AGENT } from "@/server/domain/needs";
import type { Worker } from "@/server/generated/prisma/client";
import { takeCommands } from "@/server/services/commands/take-commands";
import { activeJob, leasedMs } from "@/server/services/jobs/active-job";
import { moveJob } from "@/server/services/jobs/move-job";
import { pauseJob } from "@/server/services/jobs/pause-job";
import { resumeJob } from "@/server/services/jobs/resume-job";
import { retryJob } from "@/server/services/jobs/retry-job";
import { setPriority } from "@/server/services/jobs/set-priority";
import { queueLimits } from "@/server/services/limits/queue-limits";
import { type ClaimedJob, claimJob, claimStatement } from "@/server/services/queue/claim-job";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { sweepTimeouts } from "@/server/services/queue/sweep-timeouts";
import { deregisterWorker } from "@/server/services/runners/deregister-worker";
import { giveBack } from "@/server/services/runners/give-back";
import { heartbeat } from "@/server/services/runners/heartbeat";
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

let core: Core;
let db: Db;
let ctx: Ctx;
let workers: string[];
const [A, B] = [0, 1];
const worker = (index: number) => workers[index] as string;
const claim = (index = A) => claimJob(db, worker(index), 60);

beforeAll(async () => {
  core = await startCore({ LEASE_SECONDS: "60", JOB_TIMEOUT: "3600" });
  db = core.db;
  ctx = await addTeam(db, "north");
});
beforeEach(async () => {
  await db.job.deleteMany();
  await db.outbox.deleteMany();
  await db.runner.deleteMany();
  workers = await addWorkers(db, 20);
});
afterAll(() => core.close());

const starts = async (job: ClaimedJob) =>
  (await db.outbox.findMany({ where: { name: "job/started" }, orderBy: { createdAt: "asc" } })).filter(
    (row) => (row.data as { job: string }).job === job.publicId,
  );
const row = (id: string): Promise<Worker> => db.worker.findUniqueOrThrow({ where: { id } });
const finish = (job: ClaimedJob, move: "gave_up" | "loop_green" | "passed" | "delivered") =>
  db.$transaction((tx) => moveJob(tx, { job: job.id, move, actor: "factory" }));

describe("claiming", () => {
  test("goes by priority, then by age, and past what must wait", async () => {
    const low = await fileJob(ctx, { title: "low", priority: "low" });
    const first = await fileJob(ctx, { title: "first" });
    const second = await fileJob(ctx, { title: "second" });
    const waits = await fileJob(ctx, { title: "waits", priority: "critical", depends_on: [low.publicId] });
    const critical = await fileJob(ctx, { title: "critical", priority: 1 });
    const order = [];
    for (let i = 0; i < 5; i++) order.push((await claim(i))?.title ?? null);
    expect(order).toEqual(["critical", "first", "second", "low", null]);
    expect((await reload(db, waits)).waitingReason).toBe(`waits for ${low.publicId}, which is pending`);
    expect([first, second, critical].every((job) => job.claimable)).toBe(true);
  });

  test("lets waiting raise a job over newer ones of higher priority", async () => {
    const old = await fileJob(ctx, { title: "old" });
    await db.job.update({ where: { id: old.id }, data: { rank: old.rank - 9n * 3_600_000n } });
    await fileJob(ctx, { title: "new", priority: "high" });
    expect((await claim())?.title).toBe("old");
  });

  test("gives each job to one of many at once, and skips what others look at", async () => {
    const jobs = await Promise.all(Array.from({ length: 10 }, (_, i) => fileJob(ctx, { title: `job ${i}` })));
    const taken = await Promise.all(workers.map((id) => claimJob(db, id, 60)));
    const ids = taken.flatMap((job) => (job ? [job.id] : []));
    expect([...ids].sort()).toEqual(jobs.map((job) => job.id).sort());
    expect(new Set(ids).size).toBe(10);
  });

  test("does not wait for a job that another transaction holds", async () => {
    const held = await fileJob(ctx, { title: "held", priority: "critical" });
    await fileJob(ctx, { title: "free" });
    await db.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${held.id} FOR UPDATE`;
      expect((await claim())?.title).toBe("free");
    });
  });

  test("comes back for the only job, which somebody was just writing to", async () => {
    const job = await fileJob(ctx);
    let claiming: Promise<ClaimedJob | null> = Promise.resolve(null);
    await db.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${job.id} FOR UPDATE`;
      // Asked while the row is locked, answered after it is free.
      claiming = claim();
      // A look locks the worker's row, and leaves a trace there.
      const looked = () => db.$queryRaw<unknown[]>`SELECT 1 AS one FROM worker WHERE xmax <> '0'::xid`;
      await expect.poll(async () => (await looked()).length).toBe(1);
    });
    expect((await claiming)?.id).toBe(job.id);
  });

  test("walks the head of the claim index of each lane, whatever waits behind it", async () => {
    for (let i = 0; i < 5; i++) await fileJob(ctx);
    const ways = [[ANY_RUNNER], [ANY_RUNNER, "image:node:22"], [EXTERNAL_AGENT]];
    for (const [counting, offers] of [false, true].flatMap((c) => ways.map((way) => [c, way] as const))) {
      const plan = await db.$transaction(async (tx) => {
        // A small table would be read whole whatever its indexes.
        await tx.$executeRaw`SET LOCAL enable_seqscan = off`;
        await tx.$executeRaw`SET LOCAL enable_bitmapscan = off`;
        const claiming = claimStatement(
          [worker(A)],
          { leaseSeconds: 60, limits: queueLimits(), offers },
          { counting, most: 24 },
        );
        return tx.$queryRaw<Record<string, string>[]>`EXPLAIN ${claiming}`;
      });
      const lines = plan.map((row) => String(row["QUERY PLAN"]).replace(/^[\s>-]*/, ""));
      const walks = lines.flatMap((line, i) =>
        /^Index.* using job_claim_(order|special)/.test(line) ? [i] : [],
      );
      expect(walks.length).toBeGreaterThan(0);
      // Nothing between the walk and its limit: no sort, and so nothing read that is not wanted.
      for (const i of walks) expect(lines[i - 1]).toMatch(/^(Limit|LockRows)/);
      expect(lines.filter((line) => /^Seq Scan on job\b/.test(line))).toEqual([]);
    }
  });

  test("refuses a worker that is not there or was ordered away", async () => {
    await fileJob(ctx);
    expect(await claimJob(db, "worker-NOBODY", 60)).toBeNull();
    await db.worker.update({ where: { id: worker(A) }, data: { order: "drain" } });
    expect(await claim(A)).toBeNull();
    expect(await claim(B)).not.toBeNull();
  });

  test("starts the engine once a run, however often the job is claimed", async () => {
    const job = await fileJob(ctx);
    for (let i = 0; i < 4; i++) {
      expect((await claim(i))?.state).toBe("running");
      await expireLease(db, job);
      await sweepLeases(db, 120);
    }
    expect((await starts(job)).map((start) => start.id)).toEqual([`started:${job.publicId}:1`]);
    await claim(A);
    await finish(job, "gave_up");
    await retryJob({ ctx, input: { id: job.publicId } });
    await claim(B);
    expect((await starts(job)).map((start) => start.data)).toEqual([
      { job: job.publicId, run: 1 },
      { job: job.publicId, run: 2 },
    ]);
  });
});

describe("the fence", () => {
  test("rises with each claim and each end of a lease, never falls", async () => {
    const job = await fileJob(ctx);
    const fences = [job.fence];
    const note = async () => fences.push((await reload(db, job)).fence);
    await claim(A);
    await note();
    await expireLease(db, job);
    await sweepLeases(db, 120);
    await note();
    await claim(B);
    await note();
    await pauseJob({ ctx, input: { id: job.publicId } });
    await note();
    await resumeJob({ ctx, input: { id: job.publicId } });
    await claim(A);
    await note();
    expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
    expect(fences).toHaveLength(6);
  });

  test("an old one is stale, a lost lease over, another's job not there", async () => {
    const job = await fileJob(ctx);
    const first = (await claim(A)) as ClaimedJob;
    const take = (index: number, fence: number, id = job.publicId) =>
      refusalOf(takeCommands(db, { worker: worker(index), job: id, fence }));
    expect(await take(B, first.fence)).toBe("not_found");
    expect(await take(B, first.fence + 1)).toBe("not_found");
    expect(await take(A, first.fence - 1)).toBe("stale_fence");
    expect(await take(A, first.fence + 1)).toBe("stale_fence");
    expect(await take(A, first.fence, "JOB-20200101000000-0000")).toBe("not_found");
    await expireLease(db, job);
    await sweepLeases(db, 120);
    expect(await take(A, first.fence)).toBe("lease_over");
    const second = (await claim(B)) as ClaimedJob;
    expect(await take(A, first.fence)).toBe("lease_over");
    expect(await take(A, second.fence)).toBe("lease_over");
    await expireLease(db, job);
    await sweepLeases(db, 120);
    const third = (await claim(A)) as ClaimedJob;
    expect(await take(A, first.fence)).toBe("stale_fence");
    expect(await takeCommands(db, { worker: worker(A), job: job.publicId, fence: third.fence })).toEqual([]);
  });
});

describe("the heartbeat", () => {
  const beat = async (index: number, job: ClaimedJob, fence: number) =>
    heartbeat(db, await row(worker(index)), { lease: { job_id: job.publicId, fence } });

  test("renews a lease by the database's clock", async () => {
    const job = (await claimAfterFiling()) as ClaimedJob;
    await db.$executeRaw`UPDATE job SET lease_until = now() + interval '1 second' WHERE id = ${job.id}`;
    expect(await beat(A, job, job.fence)).toEqual({ action: "none" });
    const [left] = await db.$queryRaw<{ s: number }[]>`
      SELECT extract(epoch FROM lease_until - now())::float8 AS s FROM job WHERE id = ${job.id}`;
    expect(left?.s).toBeGreaterThan(50);
  });

  test("after the end of a lease is too late, even before it was taken back", async () => {
    const job = (await claimAfterFiling()) as ClaimedJob;
    await expireLease(db, job);
    expect(await refusalOf(beat(A, job, job.fence))).toBe("lease_over");
    expect((await reload(db, job)).leaseUntil?.getTime()).toBeLessThan(Date.now() + 1_000);
  });

  test("with a stale fence is refused, for another's job too", async () => {
    const job = (await claimAfterFiling()) as ClaimedJob;
    expect(await refusalOf(beat(A, job, job.fence - 1 || 99))).toBe("stale_fence");
    expect(await refusalOf(beat(B, job, job.fence))).toBe("not_found");
  });

  test("of a job that was stopped or paused says so", async () => {
    const job = (await claimAfterFiling()) as ClaimedJob;
    await pauseJob({ ctx, input: { id: job.publicId } });
    expect(await beat(A, job, job.fence)).toEqual({ action: "cancel" });
  });

  test("brings a worker that counted as dead back", async () => {
    await db.$executeRaw`UPDATE worker SET heartbeat_at = now() - interval '200 seconds' WHERE id = ${worker(A)}`;
    await sweepLeases(db, 120);
    expect((await row(worker(A))).status).toBe("dead");
    expect(await heartbeat(db, await row(worker(A)), { lease: null })).toEqual({ action: "none" });
    expect((await row(worker(A))).status).toBe("idle");
    expect((await row(worker(B))).status).toBe("idle");
  });
});

const claimAfterFiling = async () => {
  await fileJob(ctx);
  return claim(A);
};

describe("a lost lease", () => {
  test("makes the job claimable at the head of the queue, in the state that it was", async () => {
    const job = await fileJob(ctx, { priority: "low" });
    await claim(A);
    await finish(job, "loop_green");
    await fileJob(ctx, { priority: "critical" });
    await expireLease(db, job);
    expect(await sweepLeases(db, 120)).toBe(1);
    const freed = await reload(db, job);
    expect(freed).toMatchObject({
      state: "validating",
      claimable: true,
      leaseWorkerId: null,
      leaseUntil: null,
    });
    expect(await row(worker(A))).toMatchObject({ status: "idle", currentJobId: null });
    expect((await claim(B))?.id).toBe(job.id);
  });

  test("is taken back once by two sweeps at once, and not while it lasts", async () => {
    const jobs = [];
    for (let i = 0; i < 8; i++) {
      jobs.push(await fileJob(ctx));
      await claim(i);
    }
    expect(await sweepLeases(db, 120)).toBe(0);
    for (const job of jobs) await expireLease(db, job);
    const counts = await Promise.all([sweepLeases(db, 120), sweepLeases(db, 120), sweepLeases(db, 120)]);
    expect(counts.reduce((sum, n) => sum + n)).toBe(8);
    for (const job of jobs) {
      const lost = (await eventsOf(db, job)).filter((event) => event.type === "lease.lost");
      expect(lost).toHaveLength(1);
      expect((await reload(db, job)).fence).toBe(2);
    }
  });

  test("counts the time under a lease only", async () => {
    const job = (await claimAfterFiling()) as ClaimedJob;
    await db.$executeRaw`UPDATE job SET leased_since = now() - interval '90 seconds' WHERE id = ${job.id}`;
    await expireLease(db, job);
    await sweepLeases(db, 120);
    const freed = await reload(db, job);
    expect(Number(freed.leasedMs)).toBeGreaterThanOrEqual(90_000);
    expect(Number(freed.leasedMs)).toBeLessThan(100_000);
    expect(freed.leasedSince).toBeNull();
  });

  test("of a worker that leaves in good order is free at once", async () => {
    const job = (await claimAfterFiling()) as ClaimedJob;
    await deregisterWorker(db, await row(worker(A)));
    expect(await reload(db, job)).toMatchObject({ claimable: true, state: "running" });
    expect((await row(worker(A))).status).toBe("dead");
  });

  test("of a job that was given back comes up again a little later, not at once", async () => {
    const job = (await claimAfterFiling()) as ClaimedJob;
    await giveBack(db, {
      worker: worker(A),
      job: job.publicId,
      fence: job.fence,
      code: "sandbox",
      message: "none",
    });
    const back = await reload(db, job);
    expect(back).toMatchObject({ state: "running", claimable: false, leaseWorkerId: null });
    expect(back.waitingReason).toContain("none");
    // Nor by a move that the loop makes meanwhile.
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "loop_green", actor: "factory" }));
    expect(await reload(db, job)).toMatchObject({ state: "validating", claimable: false });
    expect(await claim(B)).toBeNull();
    const again = { worker: worker(A), job: job.publicId, fence: job.fence, code: "x", message: "x" };
    expect(await refusalOf(giveBack(db, again))).toBe("lease_over");
    await expireLease(db, job);
    await sweepLeases(db, 120);
    expect((await claim(B))?.id).toBe(job.id);
  });
});

describe("the counters of a worker", () => {
  test("count completed and failed jobs with their time, and nothing else", async () => {
    const done = (await claimAfterFiling()) as ClaimedJob;
    await db.$executeRaw`UPDATE job SET leased_since = now() - interval '7 seconds' WHERE id = ${done.id}`;
    for (const move of ["loop_green", "passed", "delivered"] as const) await finish(done, move);
    const failed = (await claimAfterFiling()) as ClaimedJob;
    await finish(failed, "gave_up");
    const paused = (await claimAfterFiling()) as ClaimedJob;
    await pauseJob({ ctx, input: { id: paused.publicId } });
    const counted = await row(worker(A));
    expect(counted).toMatchObject({ jobsCompleted: 1, jobsFailed: 1, status: "idle", currentJobId: null });
    expect(Number(counted.totalJobMs)).toBeGreaterThanOrEqual(7_000);
    expect(Number(counted.totalJobMs)).toBeLessThan(15_000);
  });
});

describe("a job that used up its working time", () => {
  test("fails with the reason, though nobody looks at it, and only then", async () => {
    const late = (await claimAfterFiling()) as ClaimedJob;
    await fileJob(ctx);
    const young = (await claim(B)) as ClaimedJob;
    await db.$executeRaw`UPDATE job SET leased_ms = 3590000, leased_since = now() - interval '20 s' WHERE id = ${late.id}`;
    expect(await sweepTimeouts(db)).toBe(1);
    expect(await reload(db, late)).toMatchObject({ state: "failed", errorCode: "timeout" });
    expect(await reload(db, young)).toMatchObject({ state: "running" });
    expect(await sweepTimeouts(db)).toBe(0);
  });
});

describe("working time", () => {
  test("is told by the database's clock, whatever this process takes the time for", async () => {
    const job = (await claimAfterFiling()) as ClaimedJob;
    await db.$executeRaw`
      UPDATE job SET leased_ms = 60000, leased_since = now() - interval '30 seconds' WHERE id = ${job.id}`;
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 86_400_000 });
    try {
      const worked = leasedMs(await activeJob(db, { job: job.publicId, run: 1 }));
      expect(worked).toBeGreaterThanOrEqual(90_000);
      expect(worked).toBeLessThan(100_000);
    } finally {
      vi.useRealTimers();
    }
  });

  test("does not run on while nobody holds the job", async () => {
    const job = (await claimAfterFiling()) as ClaimedJob;
    await pauseJob({ ctx, input: { id: job.publicId } });
    const before = (await reload(db, job)).leasedMs;
    await resumeJob({ ctx, input: { id: job.publicId } });
    expect(leasedMs(await activeJob(db, { job: job.publicId, run: 1 }))).toBe(Number(before));
  });
});

describe("priority", () => {
  test("changed while waiting changes the place in the queue, later only the label", async () => {
    const first = await fileJob(ctx, { title: "first" });
    const second = await fileJob(ctx, { title: "second" });
    await setPriority({ ctx, input: { id: second.publicId, priority: "critical" } });
    expect((await claim(A))?.title).toBe("second");
    const before = await reload(db, second);
    await setPriority({ ctx, input: { id: second.publicId, priority: "low" } });
    expect((await reload(db, second)).rank).toBe(before.rank);
    expect((await claim(B))?.id).toBe(first.id);
  });
});
