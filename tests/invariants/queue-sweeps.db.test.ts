// Every sweep may run in two app processes at once: each is run twice at the same moment, several times over, and has
// one effect. What is counted is what the sweep leaves behind: events, outbox rows, money.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import { connect, type Db } from "@/server/db";
import type { Job } from "@/server/generated/prisma/client";
import { moveJob } from "@/server/services/jobs/move-job";
import { pauseForQuota } from "@/server/services/jobs/pause-itself";
import { sweepDependents } from "@/server/services/jobs/wake-dependents";
import { resendStarts } from "@/server/services/outbox/resend-starts";
import { resendWakeups } from "@/server/services/outbox/resend-wakeups";
import { claimJob } from "@/server/services/queue/claim-job";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { sweepPaused } from "@/server/services/queue/sweep-paused";
import { sweepTimeouts } from "@/server/services/queue/sweep-timeouts";
import { sweepSpend } from "@/server/services/spend/sweep-spend";
import { addTeam, addWorkers, type Core, eventsOf, fileJob, reload, startCore } from "../support/settings";

const COUNT = 6;
let core: Core;
let one: Db;
/** The client of a second app process. */
let two: Db;
let ctx: Ctx;
let workers: string[];

beforeAll(async () => {
  core = await startCore();
  one = core.db;
  two = connect(core.url, 6);
  ctx = await addTeam(one, "north");
});
beforeEach(async () => {
  await one.job.deleteMany();
  await one.outbox.deleteMany();
  await one.spend.deleteMany();
  await one.dailySpend.deleteMany();
  await one.runner.deleteMany();
  workers = await addWorkers(one, COUNT);
});
afterAll(async () => {
  await two.$disconnect();
  await core.close();
});

const running = async (): Promise<Job[]> => {
  const jobs: Job[] = [];
  for (const worker of workers) {
    await fileJob(ctx);
    jobs.push((await claimJob(one, worker, 60)) as Job);
  }
  return jobs;
};
/** Runs a sweep in both processes at once, and once more behind. @returns what they say that they did, together */
async function sweptTwice(sweep: (db: Db) => Promise<number>): Promise<number> {
  const counts = await Promise.all([sweep(one), sweep(two), sweep(one), sweep(two)]);
  expect(await sweep(one)).toBe(0);
  return counts.reduce((sum, count) => sum + count, 0);
}
const movesOf = async (job: Job, move: string) =>
  (await eventsOf(one, job)).filter((event) => event.type === "job.moved" && event.data.move === move);

describe("two processes at once", () => {
  test("take each lost lease back once", async () => {
    const jobs = await running();
    await one.$executeRaw`UPDATE job SET lease_until = now() - interval '1 second'`;
    expect(await sweptTwice((db) => sweepLeases(db, 120))).toBe(COUNT);
    for (const job of jobs) {
      expect((await eventsOf(one, job)).filter((event) => event.type === "lease.lost")).toHaveLength(1);
      expect(await reload(one, job)).toMatchObject({
        fence: job.fence + 1,
        claimable: true,
        state: "running",
      });
    }
  });

  test("mark a silent worker dead, and it stays so", async () => {
    await one.$executeRaw`UPDATE worker SET heartbeat_at = now() - interval '1 hour'`;
    await sweptTwice((db) => sweepLeases(db, 120));
    expect(await one.worker.count({ where: { status: "dead" } })).toBe(COUNT);
  });

  test("end a job whose time is used up once", async () => {
    const jobs = await running();
    await one.$executeRaw`UPDATE job SET leased_ms = 3600001`;
    await sweptTwice(sweepTimeouts);
    for (const job of jobs) {
      expect(await movesOf(job, "gave_up")).toHaveLength(1);
      expect(await one.outbox.count({ where: { id: `stopped:${job.publicId}:1:failed` } })).toBe(1);
    }
  });

  test("let a job go on once when its pause is over", async () => {
    const jobs = await running();
    for (const job of jobs) await one.$transaction((tx) => pauseForQuota(tx, job, 3_600_000, "quota"));
    await one.$executeRaw`UPDATE job SET wake_at = now() - interval '1 second'`;
    expect(await sweptTwice(sweepPaused)).toBe(COUNT);
    for (const job of jobs) expect(await movesOf(job, "resume")).toHaveLength(1);
    expect(await one.outbox.count({ where: { name: "job/resumed" } })).toBe(COUNT);
  });

  test("free a job that nobody woke once, and no other", async () => {
    const first = await fileJob(ctx);
    const second = await fileJob(ctx);
    const waits = await fileJob(ctx, { depends_on: [first.publicId] });
    const still = await fileJob(ctx, { depends_on: [first.publicId, second.publicId] });
    // The process died between the move and the look at who waits for it.
    await one.$executeRaw`UPDATE job SET state = 'completed', claimable = false, completed_at = now() WHERE id = ${first.id}`;
    expect(await sweptTwice(sweepDependents)).toBe(1);
    expect(await reload(one, waits)).toMatchObject({
      claimable: true,
      waitingCode: null,
      waitingReason: null,
    });
    expect(await reload(one, still)).toMatchObject({ claimable: false });
  });

  test("send a lost start again once a minute at most", async () => {
    const jobs = await running();
    await one.$executeRaw`UPDATE outbox SET sent_at = now() - interval '1 minute'`;
    const before = await one.outbox.count();
    // Both halves of a second that falls between two minutes may send; they are the same event for the taker.
    await Promise.all([resendStarts(one), resendStarts(two), resendStarts(one), resendStarts(two)]);
    const again = (await one.outbox.count()) - before;
    expect(again).toBeGreaterThanOrEqual(COUNT);
    expect(again).toBeLessThanOrEqual(2 * COUNT);
    for (const job of jobs) await one.job.update({ where: { id: job.id }, data: { engineRunId: "run" } });
    expect(await sweptTwice(resendStarts)).toBe(0);
  });

  test("wake silent engine runs up once", async () => {
    const jobs = await running();
    for (const job of jobs) await one.job.update({ where: { id: job.id }, data: { engineRunId: "run" } });
    await one.$executeRaw`UPDATE job_event SET at = now() - interval '150 seconds'`;
    expect(await sweptTwice(resendWakeups)).toBe(COUNT);
  });

  test("charge a call that died once", async () => {
    const [job] = await running();
    const { id, teamId } = job as Job;
    await one.dailySpend.create({ data: { teamId, day: new Date("2026-01-01"), reservedMicro: 700n } });
    await one.job.update({ where: { id }, data: { reservedMicroUsd: 700n } });
    await one.spend.create({
      data: {
        key: "call",
        teamId,
        rootJobId: id,
        jobId: id,
        run: 1,
        role: "coder",
        provider: "anthropic",
        model: "m",
        day: new Date("2026-01-01"),
        reservedMicro: 700n,
        deadline: new Date(Date.now() - 3_600_000),
      },
    });
    await sweptTwice(sweepSpend);
    expect(await reload(one, { id })).toMatchObject({ spentMicroUsd: 700n, reservedMicroUsd: 0n });
    expect(await one.dailySpend.findFirst({ where: { teamId } })).toMatchObject({
      spentMicro: 700n,
      reservedMicro: 0n,
    });
    expect((await eventsOf(one, { id })).filter((event) => event.type === "spend.settled")).toHaveLength(1);
  });

  test("leave a job that is settled in the middle of a sweep as it is", async () => {
    const jobs = await running();
    await one.$executeRaw`UPDATE job SET leased_ms = 3600001, lease_until = now() - interval '1 second'`;
    const cancel = (job: Job) =>
      two.$transaction((tx) => moveJob(tx, { job: job.id, move: "cancel", actor: "person:ana" }));
    await Promise.allSettled([sweepTimeouts(one), sweepLeases(two, 120), ...jobs.map(cancel)]);
    for (const job of jobs) {
      const row = await reload(one, job);
      expect(["failed", "cancelled"]).toContain(row.state);
      expect(row).toMatchObject({ leaseWorkerId: null, claimable: false });
      const moves = (await eventsOf(one, job)).filter((event) => event.type === "job.moved");
      expect(moves).toHaveLength(2);
    }
  });
});
