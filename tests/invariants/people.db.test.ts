// What people order: cancel, pause, resume, retry; and jobs that wait for others.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import type { JobMove } from "@/server/domain/job-state";
import type { Job } from "@/server/generated/prisma/client";
import { cancelJob } from "@/server/services/jobs/cancel-job";
import { moveAlone, moveJob } from "@/server/services/jobs/move-job";
import { pauseJob } from "@/server/services/jobs/pause-job";
import { resumeJob } from "@/server/services/jobs/resume-job";
import { retryJob } from "@/server/services/jobs/retry-job";
import { claimJob } from "@/server/services/queue/claim-job";
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
let ctx: Ctx;
let worker: string;

beforeAll(async () => {
  core = await startCore();
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.deleteMany();
  worker = (await addWorkers(db, 1))[0] as string;
});

const input = (job: Job) => ({ ctx, input: { id: job.publicId } });
const move = (job: Job, ...moves: JobMove[]) =>
  db.$transaction(async (tx) => {
    for (const name of moves) await moveJob(tx, { job: job.id, move: name, actor: "factory" });
  });
const complete = async (job: Job) => {
  await db.job.updateMany({ where: { id: { not: job.id } }, data: { claimable: false } });
  await claimJob(db, worker, 60);
  await move(job, "loop_green", "passed", "delivered");
};
const child = async (parent: Job) => {
  const job = await fileJob(ctx);
  return db.job.update({ where: { id: job.id }, data: { parentId: parent.id, rootId: parent.rootId } });
};

describe("cancelling", () => {
  test("ends a job and everything unsettled below it, and takes the lease away", async () => {
    const parent = await fileJob(ctx, { priority: "critical" });
    const [open, done] = [await child(parent), await child(parent)];
    const below = await child(open);
    await complete(done);
    await db.job.update({ where: { id: parent.id }, data: { claimable: true } });
    await claimJob(db, worker, 60);
    await cancelJob(input(parent));
    const states = await Promise.all([parent, open, below, done].map((job) => reload(db, job)));
    expect(states.map((job) => job.state)).toEqual(["cancelled", "cancelled", "cancelled", "completed"]);
    expect(states[0]).toMatchObject({ leaseWorkerId: null, claimable: false });
    const moved = (await eventsOf(db, below)).at(-1);
    expect(moved).toMatchObject({ type: "job.moved", data: { reason: "parent cancelled" } });
  });

  test.each([[[]], [["pause"]]] as JobMove[][][])("is refused once delivery began (%j)", async (moves) => {
    const job = await fileJob(ctx);
    await move(job, "first_claim", "loop_green", "passed");
    await db.job.update({ where: { id: job.id }, data: { deliveryBegan: true } });
    await move(job, ...moves);
    const before = await reload(db, job);
    expect(await refusalOf(cancelJob(input(job)))).toBe("conflict");
    expect(await reload(db, job)).toEqual(before);
  });

  test("is refused for a whole branch when one below is being delivered", async () => {
    const parent = await fileJob(ctx);
    const below = await child(parent);
    await move(below, "first_claim", "loop_green", "passed");
    await db.job.update({ where: { id: below.id }, data: { deliveryBegan: true } });
    expect(await refusalOf(cancelJob(input(parent)))).toBe("conflict");
    expect((await reload(db, parent)).state).toBe("pending");
  });

  test("twice, and of another team's job, is refused", async () => {
    const job = await fileJob(ctx);
    await cancelJob(input(job));
    expect(await refusalOf(cancelJob(input(job)))).toBe("conflict");
    const other = await addTeam(db, "south");
    expect(await refusalOf(cancelJob({ ctx: other, input: { id: job.publicId } }))).toBe("not_found");
  });
});

describe("pausing", () => {
  test("remembers where it was, frees the worker, and goes on there at the head of the queue", async () => {
    const job = await fileJob(ctx, { priority: "low" });
    await claimJob(db, worker, 60);
    await move(job, "loop_green");
    await pauseJob(input(job));
    expect(await reload(db, job)).toMatchObject({
      state: "paused",
      resumeState: "validating",
      claimable: false,
    });
    expect((await db.worker.findUniqueOrThrow({ where: { id: worker } })).status).toBe("idle");
    await fileJob(ctx, { priority: "critical" });
    await db.job.update({ where: { id: job.id }, data: { waitingReason: "the budget is spent" } });
    await resumeJob(input(job));
    expect(await reload(db, job)).toMatchObject({
      state: "validating",
      resumeState: null,
      waitingReason: null,
    });
    expect((await claimJob(db, worker, 60))?.id).toBe(job.id);
    const resumed = await db.outbox.findMany({ where: { name: "job/resumed" } });
    expect(resumed.at(-1)?.data).toEqual({ job: job.publicId, run: 1 });
  });

  test("is no way to the head of the queue for a job that has not begun", async () => {
    const job = await fileJob(ctx, { priority: "low" });
    await pauseJob(input(job));
    const high = await fileJob(ctx, { priority: "high" });
    await resumeJob(input(job));
    expect((await reload(db, job)).rank).toBe(job.rank);
    expect((await claimJob(db, worker, 60))?.id).toBe(high.id);
  });

  test("twice is refused, and so is resuming what is not paused", async () => {
    const job = await fileJob(ctx);
    expect(await refusalOf(resumeJob(input(job)))).toBe("conflict");
    await pauseJob(input(job));
    expect(await refusalOf(pauseJob(input(job)))).toBe("conflict");
  });
});

describe("a retry", () => {
  test("is the next run from the beginning, with the work and the money of before", async () => {
    const job = await fileJob(ctx);
    await claimJob(db, worker, 60);
    await db.job.update({
      where: { id: job.id },
      data: {
        progress: 0.5,
        iterations: 4,
        headCommit: "c".repeat(40),
        spentMicroUsd: 7n,
        engineRunId: "x",
        deliveryBegan: true,
      },
    });
    await move(job, "gave_up");
    await retryJob(input(job));
    expect(await reload(db, job)).toMatchObject({
      state: "pending",
      run: 2,
      progress: 0,
      iterations: 0,
      rounds: 0,
      leasedMs: 0n,
      engineRunId: null,
      deliveryBegan: false,
      completedAt: null,
      claimable: true,
      headCommit: "c".repeat(40),
      spentMicroUsd: 7n,
    });
  });

  test.each(["pending", "completed"])("of a %s job is refused", async (state) => {
    const job = await fileJob(ctx);
    if (state === "completed") await complete(job);
    expect(await refusalOf(retryJob(input(job)))).toBe("conflict");
  });
});

describe("a job that depends on others", () => {
  const dependent = (...on: Job[]) => fileJob(ctx, { depends_on: on.map((job) => job.publicId) });

  test("is claimable when all are completed, not before", async () => {
    const [a, b] = [await fileJob(ctx), await fileJob(ctx)];
    const waits = await dependent(a, b);
    await complete(a);
    expect((await reload(db, waits)).claimable).toBe(false);
    await db.job.update({ where: { id: b.id }, data: { claimable: true } });
    await complete(b);
    expect(await reload(db, waits)).toMatchObject({ claimable: true, waitingReason: null });
  });

  test("is woken when two are completed at the same moment", async () => {
    for (let round = 0; round < 10; round++) {
      const [a, b] = [await fileJob(ctx), await fileJob(ctx)];
      for (const job of [a, b]) await move(job, "first_claim", "loop_green", "passed");
      const waits = await dependent(a, b);
      await Promise.all([move(a, "delivered"), move(b, "delivered")]);
      expect((await reload(db, waits)).claimable).toBe(true);
    }
  });

  test.each<[string, (job: Job) => Promise<unknown>]>([
    ["in a transaction", (job) => move(job, "delivered")],
    ["by a statement alone", (job) => moveAlone(db, { job: job.id, move: "delivered", actor: "factory" })],
  ])("is woken when one is completed %s while it is being filed", async (_, deliver) => {
    for (let round = 0; round < 10; round++) {
      const a = await fileJob(ctx);
      await move(a, "first_claim", "loop_green", "passed");
      const [waits] = await Promise.all([dependent(a), deliver(a)]);
      expect((await reload(db, waits)).claimable).toBe(true);
    }
  });

  test("says which one failed and stays until it is retried and completed", async () => {
    const a = await fileJob(ctx);
    const waits = await dependent(a);
    await move(a, "first_claim", "gave_up");
    expect((await reload(db, waits)).waitingReason).toBe(`waits for ${a.publicId}, which is failed`);
    expect((await claimJob(db, worker, 60))?.id).toBeUndefined();
    await retryJob(input(a));
    await complete(a);
    expect((await reload(db, waits)).claimable).toBe(true);
  });

  test("cannot be had by pausing and resuming it, or by cancelling and retrying it", async () => {
    const a = await fileJob(ctx);
    const waits = await dependent(a);
    await pauseJob(input(waits));
    await resumeJob(input(waits));
    expect(await reload(db, waits)).toMatchObject({
      claimable: false,
      waitingReason: expect.stringContaining(a.publicId),
    });
    await cancelJob(input(waits));
    await retryJob(input(waits));
    expect((await reload(db, waits)).claimable).toBe(false);
    await pauseJob(input(waits));
    await complete(a);
    await resumeJob(input(waits));
    expect((await reload(db, waits)).claimable).toBe(true);
  });
});
