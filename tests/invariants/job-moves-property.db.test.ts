// Invariant 1 under everything at once: persons, workers, sweeps, the clock and bare moves in random order on a few
// jobs that depend on each other. Whatever happens, rows and logs show only ways that the table has.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { AppError } from "@/server/domain/errors";
import {
  EXECUTING,
  isSettled,
  type JobMove,
  type JobState,
  NEW_RUN,
  nextState,
  TRANSITIONS,
} from "@/server/domain/job-state";
import { laneOf } from "@/server/domain/lane";
import type { Job } from "@/server/generated/prisma/client";
import { cancelJob } from "@/server/services/jobs/cancel-job";
import { moveAlone, moveJob } from "@/server/services/jobs/move-job";
import { pauseForQuota } from "@/server/services/jobs/pause-itself";
import { pauseJob } from "@/server/services/jobs/pause-job";
import { resumeJob } from "@/server/services/jobs/resume-job";
import { retryJob } from "@/server/services/jobs/retry-job";
import { setDependencies } from "@/server/services/jobs/set-dependencies";
import { setPriority } from "@/server/services/jobs/set-priority";
import { sweepDependents } from "@/server/services/jobs/wake-dependents";
import { claimJob } from "@/server/services/queue/claim-job";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { sweepPaused } from "@/server/services/queue/sweep-paused";
import { sweepTimeouts } from "@/server/services/queue/sweep-timeouts";
import { deregisterWorker } from "@/server/services/runners/deregister-worker";
import { giveBack } from "@/server/services/runners/give-back";
import { addTeam, addWorkers, type Core, eventsOf, fileJob, startCore } from "../support/settings";

const JOBS = 3;
const WORKERS = 2;
const MOVES = Object.keys(TRANSITIONS) as JobMove[];
let core: Core;
let db: Db;
let ctx: Ctx;

beforeAll(async () => {
  core = await startCore({ LANE_LIMITS: "validation=1", MAX_LEASES: "2" });
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterAll(() => core.close());

interface World {
  jobs: Job[];
  workers: string[];
}
type Happening =
  | { is: "move" | "alone"; job: number; move: JobMove }
  | { is: "person"; job: number; what: "pause" | "resume" | "cancel" | "retry" }
  | { is: "priority"; job: number; priority: "critical" | "low" }
  | { is: "depends"; job: number; on: number[] }
  | { is: "claim" | "leave"; worker: number }
  | { is: "give_back" | "quota" | "hour" | "lease_ends" | "wakes"; job: number }
  | { is: "sweeps" };

const index = fc.nat({ max: JOBS - 1 });
const worker = fc.nat({ max: WORKERS - 1 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constantFrom("move" as const, "alone" as const),
      job: index,
      move: fc.constantFrom(...MOVES),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant("person" as const),
      job: index,
      what: fc.constantFrom("pause" as const, "resume" as const, "cancel" as const, "retry" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      is: fc.constant("priority" as const),
      job: index,
      priority: fc.constantFrom("critical" as const, "low" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      is: fc.constant("depends" as const),
      job: index,
      on: fc.uniqueArray(index, { maxLength: 2 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ is: fc.constant("claim" as const), worker }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("leave" as const), worker }) },
  {
    weight: 3,
    arbitrary: fc.record({
      is: fc.constantFrom(
        "give_back" as const,
        "quota" as const,
        "hour" as const,
        "lease_ends" as const,
        "wakes" as const,
      ),
      job: index,
    }),
  },
  { weight: 2, arbitrary: fc.record({ is: fc.constant("sweeps" as const) }) },
);

async function happen(world: World, one: Happening): Promise<void> {
  const job = "job" in one ? (world.jobs[one.job] as Job) : (world.jobs[0] as Job);
  const input = { ctx, input: { id: job.publicId } };
  switch (one.is) {
    case "move":
      await db.$transaction((tx) =>
        moveJob(tx, { job: job.id, move: one.move, actor: "factory", reason: "random" }),
      );
      return;
    case "alone":
      await moveAlone(db, { job: job.id, move: one.move, actor: "worker:random" });
      return;
    case "person":
      await { pause: pauseJob, resume: resumeJob, cancel: cancelJob, retry: retryJob }[one.what](input);
      return;
    case "priority":
      await setPriority({ ctx, input: { id: job.publicId, priority: one.priority } });
      return;
    case "depends": {
      const ids = one.on.map((at) => (world.jobs[at] as Job).publicId);
      await setDependencies({ ctx, input: { id: job.publicId, depends_on: ids } });
      return;
    }
    case "claim":
      await claimJob(db, world.workers[one.worker] as string, 60);
      return;
    case "leave": {
      await deregisterWorker(
        db,
        await db.worker.findUniqueOrThrow({ where: { id: world.workers[one.worker] as string } }),
      );
      [world.workers[one.worker]] = (await addWorkers(db, 1)) as [string];
      return;
    }
    case "give_back": {
      const { leaseWorkerId, fence } = await db.job.findUniqueOrThrow({ where: { id: job.id } });
      if (leaseWorkerId)
        await giveBack(db, {
          worker: leaseWorkerId,
          job: job.publicId,
          fence,
          code: "sandbox",
          message: "none",
        });
      return;
    }
    case "quota":
      await db.$transaction((tx) => pauseForQuota(tx, job, 3_600_000, "quota"));
      return;
    case "hour":
      await db.$executeRaw`UPDATE job SET leased_since = leased_since - interval '1 hour' WHERE id = ${job.id}`;
      return;
    case "lease_ends":
      await db.$executeRaw`UPDATE job SET lease_until = now() - interval '1 s' WHERE id = ${job.id} AND lease_until IS NOT NULL`;
      return;
    case "wakes":
      await db.$executeRaw`UPDATE job SET wake_at = now() WHERE id = ${job.id} AND wake_at IS NOT NULL`;
      return;
    case "sweeps":
      await Promise.all([sweepLeases(db, 120), sweepTimeouts(db), sweepPaused(db), sweepDependents(db)]);
      return;
  }
}

/** What must be true of every job at any moment. */
async function check(job: Job): Promise<void> {
  const row = await db.job.findUniqueOrThrow({
    where: { id: job.id },
    include: { dependsOn: { include: { dependsOn: true } } },
  });
  const log = await eventsOf(db, job);
  expect(log.map((event) => event.seq)).toEqual(log.map((_, i) => i + 1));
  expect(row.lastSeq).toBe(log.length);
  let state: JobState = "pending";
  let resume: JobState | null = null;
  let run = 1;
  for (const { type, data } of log) {
    if (type !== "job.moved") continue;
    const move = data.move as JobMove;
    expect(data.from).toBe(state);
    expect(data.to, `${state} by ${move}`).toBe(nextState(state, move, resume));
    expect(String(data.actor)).toMatch(/^(factory|person:.+|worker:.+)$/);
    resume = data.to === "paused" ? state : null;
    state = data.to as JobState;
    if (NEW_RUN.includes(move)) run++;
  }
  expect({ state: row.state, resume: row.resumeState, run: row.run }).toEqual({ state, resume, run });
  const held = row.leaseWorkerId !== null;
  const open = row.dependsOn.some(({ dependsOn }) => dependsOn.state !== "completed");
  const setAside = row.leaseUntil !== null && !held;
  // Held, or to be had, or waiting for something that is named: never between two chairs.
  if (!EXECUTING[row.state])
    expect({ held, claimable: row.claimable }).toEqual({ held: false, claimable: false });
  else if (row.state === "pending")
    expect({ held, claimable: row.claimable }).toEqual({ held: false, claimable: !open });
  else expect(row.claimable).toBe(!held && !setAside);
  if (EXECUTING[row.state]) expect(row.lane).toBe(laneOf(row.kind, row.state));
  expect(row.completedAt !== null).toBe(isSettled(row.state));
  if (row.state !== "paused") expect(row.wakeAt).toBeNull();
  expect(row.leasedSince !== null).toBe(held);
}

/** Leases and workers agree with each other and with the limits. */
async function checkLeases(): Promise<void> {
  const held = await db.job.findMany({ where: { leaseWorkerId: { not: null } } });
  expect(held.length).toBeLessThanOrEqual(WORKERS);
  expect(held.filter(({ lane }) => lane === "validation").length).toBeLessThanOrEqual(1);
  for (const { id, currentJobId } of await db.worker.findMany())
    expect(currentJobId, "who is busy holds that job").toBe(
      held.find(({ leaseWorkerId }) => leaseWorkerId === id)?.id ?? null,
    );
}

test.each([
  ["order of events", 1],
  ["two events at the same moment", 2],
])("no %s finds a way beside the table", { timeout: 240_000 }, async (_, atOnce) => {
  const moments = fc.array(fc.array(happening, { minLength: atOnce, maxLength: atOnce }), {
    minLength: 15,
    maxLength: 40,
    size: "max",
  });
  await fc.assert(
    fc.asyncProperty(moments, async (happenings) => {
      await db.job.deleteMany();
      await db.runner.deleteMany();
      const world: World = { jobs: [], workers: await addWorkers(db, WORKERS) };
      for (let i = 0; i < JOBS; i++) world.jobs.push(await fileJob(ctx, { title: `job ${i}` }));
      for (const moment of happenings) {
        await Promise.all(
          moment.map((one) =>
            happen(world, one).catch((error) => {
              // A refusal in plain words is an answer; anything else is a fault of ours.
              if (!(error instanceof AppError)) throw error;
            }),
          ),
        );
        for (const job of world.jobs) await check(job);
        await checkLeases();
      }
    }),
    { numRuns: 25 },
  );
});
