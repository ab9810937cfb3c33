// Jobs that are filed, claimed and moved in one moment share statements; each still comes to what it would come to alone.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import type { Job } from "@/server/generated/prisma/client";
import { moveAlone, moveJob } from "@/server/services/jobs/move-job";
import { claimJob } from "@/server/services/queue/claim-job";
import { addTeam, addWorkers, type Core, eventsOf, fileJob, reload, startCore } from "../support/settings";

const COUNT = 24;
let core: Core;
let db: Db;
let ctx: Ctx;
let workers: string[];

beforeAll(async () => {
  core = await startCore();
  db = core.db;
  ctx = await addTeam(db, "north");
});
beforeEach(async () => {
  await db.job.deleteMany();
  await db.queueTally.deleteMany();
  await db.runner.deleteMany();
  workers = await addWorkers(db, COUNT);
});
afterAll(() => core.close());

const claimAll = () => Promise.all(workers.map((worker) => claimJob(db, worker, 60)));
const complete = (job: { id: bigint }) =>
  moveAlone(db, { job: job.id, move: "correction_done", actor: "factory" });

describe("filed together", () => {
  test("each job has its own row, number and first event, in the order in which they came", async () => {
    const jobs = await Promise.all(
      Array.from({ length: COUNT }, (_, i) => fileJob(ctx, { title: `job ${i}` })),
    );
    expect(new Set(jobs.map(({ publicId }) => publicId)).size).toBe(COUNT);
    expect(jobs.map(({ title }) => title)).toEqual(jobs.map((_, i) => `job ${i}`));
    expect([...jobs].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ title }) => title)).toEqual(
      jobs.map(({ title }) => title),
    );
    for (const job of jobs)
      expect((await eventsOf(db, job)).map(({ type }) => type)).toEqual(["job.created"]);
  });

  test("one that is filed already does not keep the others out", async () => {
    const source = { source: "tracker", source_id: "7" };
    await fileJob(ctx, source);
    const ends = await Promise.allSettled([fileJob(ctx), fileJob(ctx, source), fileJob(ctx)]);
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await db.job.count()).toBe(3);
  });
});

describe("claimed together", () => {
  test("every worker gets a job of its own, and the first jobs are taken", async () => {
    const jobs: Job[] = [];
    for (let i = 0; i < COUNT + 5; i++) jobs.push(await fileJob(ctx, { title: `job ${i}` }));
    const claimed = await claimAll();
    const ids = claimed.map((job) => job?.id);
    expect(new Set(ids).size).toBe(COUNT);
    expect([...ids].sort()).toEqual(
      jobs
        .slice(0, COUNT)
        .map(({ id }) => id)
        .sort(),
    );
    for (const [i, job] of claimed.entries()) {
      expect(job?.leaseWorkerId).toBe(workers[i]);
      expect((await db.worker.findUniqueOrThrow({ where: { id: workers[i] as string } })).currentJobId).toBe(
        job?.id,
      );
    }
    const sums = await db.queueTally.aggregate({ _sum: { claims: true, begun: true } });
    expect(sums._sum).toEqual({ claims: COUNT, begun: COUNT });
    expect(await db.outbox.count({ where: { name: "job/started" } })).toBe(COUNT);
  });

  test("by urgency over all lanes", async () => {
    for (let i = 0; i < COUNT; i++) await fileJob(ctx, { priority: i % 2 === 0 ? "low" : "critical" });
    const half = workers.slice(0, COUNT / 2);
    const claimed = await Promise.all(half.map((worker) => claimJob(db, worker, 60)));
    const rows = await db.job.findMany({ where: { id: { in: claimed.map((job) => job?.id as bigint) } } });
    expect(rows.map(({ priority }) => priority)).toEqual(rows.map(() => "critical"));
  });

  test("fewer jobs than workers: the others go away empty, and nothing is given twice", async () => {
    for (let i = 0; i < 3; i++) await fileJob(ctx);
    const claimed = (await claimAll()).filter((job) => job !== null);
    expect(new Set(claimed.map(({ id }) => id)).size).toBe(3);
    expect(await db.worker.count({ where: { currentJobId: { not: null } } })).toBe(3);
  });
});

describe("moved together", () => {
  test("each job is moved once, with its own events and its worker free", async () => {
    for (let i = 0; i < COUNT; i++) await fileJob(ctx);
    const claimed = (await claimAll()).filter((job) => job !== null);
    const moved = await Promise.all(claimed.map(complete));
    expect(moved.map(({ id, state }) => [id, state])).toEqual(claimed.map(({ id }) => [id, "completed"]));
    for (const job of claimed) {
      const types = (await eventsOf(db, job)).map(({ type }) => type);
      expect(types).toEqual(["job.created", "lease.claimed", "job.moved", "lease.lost", "job.moved"]);
    }
    expect(await db.worker.count({ where: { status: "idle", currentJobId: null, jobsCompleted: 1 } })).toBe(
      COUNT,
    );
    const sums = await db.queueTally.aggregate({ _sum: { completed: true } });
    expect(sums._sum.completed).toBe(COUNT);
  });

  test("the same job twice: one goes through, the other is told why not", async () => {
    await fileJob(ctx);
    const job = (await claimAll()).find((one) => one !== null) as { id: bigint };
    const ends = await Promise.allSettled([complete(job), complete(job)]);
    expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await eventsOf(db, job)).filter(({ type }) => type === "job.moved")).toHaveLength(2);
  });

  test("one that is refused changes nothing of its own, not even its worker, and hinders nobody", async () => {
    for (let i = 0; i < 3; i++) await fileJob(ctx);
    const [first, second, third] = (await claimAll()).filter((job) => job !== null) as { id: bigint }[];
    const validating = second as { id: bigint };
    await db.$transaction((tx) => moveJob(tx, { job: validating.id, move: "loop_green", actor: "factory" }));
    const before = await reload(db, validating);
    const ends = await Promise.allSettled(
      [first, validating, third].map((job) => complete(job as { id: bigint })),
    );
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await reload(db, validating)).toEqual(before);
    const worker = await db.worker.findUniqueOrThrow({ where: { id: before.leaseWorkerId as string } });
    expect([worker.currentJobId, worker.jobsCompleted]).toEqual([validating.id, 0]);
  });
});
