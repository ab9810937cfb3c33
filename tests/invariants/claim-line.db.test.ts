// The line of workers that wait in one process: one look for one wake-up, and no wake-up lost with whoever had it.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { ANY_RUNNER } from "@/server/domain/needs";
import { listener } from "@/server/events/listen";
import { CLAIMABLE_CHANNEL } from "@/server/services/queue/announce-claimable";
import { type ClaimedJob, lookForJob } from "@/server/services/queue/claim-job";
import { waitInLine } from "@/server/services/queue/claim-line";
import { addTeam, addWorkers, type Core, fileJob, startCore } from "../support/settings";

const COUNT = 12;
let core: Core;
let db: Db;
let ctx: Ctx;
let workers: string[];
let leaving: AbortController[];
let looks: number;
let waits: Promise<ClaimedJob | null>[];

beforeAll(async () => {
  core = await startCore();
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.deleteMany();
  workers = await addWorkers(db, COUNT);
  leaving = workers.map(() => new AbortController());
  looks = 0;
  const looked = new Set<string>();
  waits = workers.map((worker, index) =>
    waitInLine(
      async () => {
        const found = await lookForJob(db, worker, 60);
        looks++;
        looked.add(worker);
        return found;
      },
      { waitMs: 60_000, signal: (leaving[index] as AbortController).signal, offers: [ANY_RUNNER] },
    ),
  );
  // Everybody has looked in vain and waits.
  await vi.waitUntil(() => looked.size === COUNT, { timeout: 20_000 });
  looks = COUNT;
});
afterEach(async () => {
  for (const one of leaving) one.abort();
  await Promise.all(waits);
});

test("one job wakes one worker and the one behind it, not all", async () => {
  const job = await fileJob(ctx);
  expect((await Promise.race(waits))?.id).toBe(job.id);
  // The one behind it finds nothing, and that is all.
  await vi.waitUntil(() => looks >= COUNT + 2, { timeout: 20_000 });
  const second = await fileJob(ctx);
  await vi.waitUntil(async () => (await db.job.count({ where: { leaseWorkerId: null } })) === 0, {
    timeout: 20_000,
  });
  expect((await db.job.findUniqueOrThrow({ where: { id: second.id } })).leaseWorkerId).not.toBeNull();
  // Each job: one that gets it, one behind; a wake-up of the database's may come in between.
  expect(looks).toBeLessThanOrEqual(COUNT + 6);
});

test("as many jobs as workers are all taken, each once", async () => {
  const jobs = await Promise.all(workers.map(() => fileJob(ctx)));
  const taken = await Promise.all(waits);
  expect(new Set(taken.map((job) => job?.id))).toEqual(new Set(jobs.map((job) => job.id)));
});

test("a worker that leaves at the moment of its wake-up does not take it along", async () => {
  const teamId = ctx.actor.teamId;
  // Written past the services, so that the only wake-up is the one below.
  const { id } = await db.job.create({
    data: {
      publicId: "JOB-1",
      teamId,
      state: "pending",
      claimable: true,
      title: "t",
      description: "",
      budgetMicroUsd: 1n,
    },
  });
  listener().tell(CLAIMABLE_CHANNEL, "");
  leaving[0]?.abort();
  expect(await waits[0]).toBeNull();
  expect((await Promise.race(waits.slice(1)))?.id).toBe(id);
});

test("workers that may not hold a job let the others go first", async () => {
  await db.worker.updateMany({
    where: { id: { in: workers.slice(0, COUNT - 1) } },
    data: { order: "drain" },
  });
  const job = await fileJob(ctx);
  expect((await waits[COUNT - 1])?.id).toBe(job.id);
});
