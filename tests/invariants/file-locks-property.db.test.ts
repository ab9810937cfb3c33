// J6 under everything at once: claims, moves, lost leases, locks that run out, touched files and sweeps in random order,
// two at a time over two connections. Nobody works beside another on the same files, and nobody waits for nothing.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import { connect, type Db } from "@/server/db";
import { AppError } from "@/server/domain/errors";
import { EXECUTING, type JobMove } from "@/server/domain/job-state";
import type { Job } from "@/server/generated/prisma/client";
import { moveJob } from "@/server/services/jobs/move-job";
import { lockProject } from "@/server/services/locks/project-locks";
import { settleFiles } from "@/server/services/locks/release-locks";
import { sweepLocks } from "@/server/services/locks/sweep-locks";
import { takeLocks } from "@/server/services/locks/take-locks";
import { touchFiles } from "@/server/services/locks/touch-files";
import { claimJob } from "@/server/services/queue/claim-job";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { addTeam, addWorkers, type Core, expireLease, fileJob, startCore } from "../support/settings";

const JOBS = 6;
const WORKERS = 3;
const PATHS = ["src/a", "src/b", "src/", "lib/x/y", "lib/", "docs/one"];
const MOVES = ["pause", "resume", "gave_up", "retry", "loop_green", "cancel", "stuck"] as const;
let core: Core;
let dbs: [Db, Db];
let ctx: Ctx;

beforeAll(async () => {
  core = await startCore();
  dbs = [core.db, connect(core.url, 6)];
  ctx = await addTeam(core.db, "north");
});
afterAll(async () => {
  await dbs[1].$disconnect();
  await core.close();
});

interface World {
  jobs: Job[];
  workers: string[];
}
type Happening =
  | { is: "claim"; worker: number }
  | { is: "move"; job: number; move: JobMove }
  | { is: "touch"; job: number; paths: string[] }
  | { is: "lease_ends"; job: number }
  | { is: "locks_end" | "sweeps" };

const index = fc.nat({ max: JOBS - 1 });
const paths = (least: number) =>
  fc.uniqueArray(fc.constantFrom(...PATHS), { minLength: least, maxLength: 3 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ is: fc.constant("claim" as const), worker: fc.nat({ max: WORKERS - 1 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ is: fc.constant("move" as const), job: index, move: fc.constantFrom(...MOVES) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ is: fc.constant("touch" as const), job: index, paths: paths(1) }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("lease_ends" as const), job: index }) },
  {
    weight: 2,
    arbitrary: fc.record({ is: fc.constantFrom("locks_end" as const, "sweeps" as const) }),
  },
);

async function happen(db: Db, { jobs, workers }: World, one: Happening): Promise<void> {
  const job = "job" in one ? (jobs[one.job] as Job) : (jobs[0] as Job);
  switch (one.is) {
    case "claim":
      await claim(db, workers[one.worker] as string);
      return;
    case "move":
      await move(db, job, one.move);
      return;
    case "touch":
      await touchFiles(db, job, one.paths);
      return;
    case "lease_ends":
      await expireLease(db, job);
      await sweepLeases(db, 120);
      return;
    case "locks_end":
      await endLocks(db);
      return;
    case "sweeps":
      await sweepLocks(db);
      return;
  }
}

/** Time passes, and no writer is in the middle of anything. */
const endLocks = (db: Db) =>
  db.$transaction(async (tx) => {
    for (const { id } of await tx.project.findMany({ orderBy: { id: "asc" } })) await lockProject(tx, id);
    await tx.$executeRaw`UPDATE file_lock SET until = now() - interval '1 s'`;
  });

/** As the server does it: the worker is told of the job when the files are taken. */
async function claim(db: Db, worker: string): Promise<Job | null> {
  for (;;) {
    const job = await claimJob(db, worker, 60);
    if (!job) return null;
    if ((await takeLocks(db, job)).taken) return db.job.findUniqueOrThrow({ where: { id: job.id } });
  }
}

const move = (db: Db, job: Job, name: JobMove) =>
  db.$transaction(async (tx) => {
    await settleFiles(tx, await moveJob(tx, { job: job.id, move: name, actor: "factory" }));
  });

/** Said in another way than the program does. */
const overlap = (a: string, b: string) => `${a}/`.replace("//", "/").startsWith(`${b}/`.replace("//", "/"));
const meet = (a: readonly string[], b: readonly string[]) =>
  a.some((one) => b.some((other) => overlap(one, other) || overlap(other, one)));

async function check(): Promise<void> {
  const jobs = await core.db.job.findMany({
    orderBy: { id: "asc" },
    include: { dependsOn: { include: { dependsOn: true } } },
  });
  const leased = jobs.filter((job) => job.leaseWorkerId !== null);
  for (const [i, job] of leased.entries())
    for (const other of leased.slice(i + 1))
      expect(
        job.projectId === other.projectId && meet(job.declaredFiles, other.declaredFiles),
        `${job.title} and ${other.title} are worked on together`,
      ).toBe(false);
  for (const { id, currentJobId } of await core.db.worker.findMany())
    expect(currentJobId, "who is busy holds that job").toBe(
      leased.find(({ leaseWorkerId }) => leaseWorkerId === id)?.id ?? null,
    );
  for (const job of jobs) {
    if (!EXECUTING[job.state]) {
      expect(job.claimable, job.title).toBe(false);
      expect(job.waitingCode, "who rests waits for no files").not.toBe("files");
    } else if (job.leaseWorkerId) expect(job).toMatchObject({ claimable: false, waitingCode: null });
    else expect(job.claimable, job.title).toBe(job.waitingCode === null);
    const open = job.dependsOn.some(({ dependsOn }) => dependsOn.state !== "completed");
    if (job.waitingCode === "files") expect(open, "the dependency comes first").toBe(false);
    if (job.state === "pending" && open) expect(job.claimable).toBe(false);
  }
}

/** Everybody lets go: then whoever may be worked on can be, one after the other, to the last. */
async function checkEnd(db: Db, { workers }: World): Promise<void> {
  const leased = await db.job.findMany({ where: { leaseWorkerId: { not: null } } });
  for (const job of leased) await move(db, job, "pause");
  await endLocks(db);
  await sweepLocks(db);
  expect(await db.fileLock.count()).toBe(0);
  expect(await db.job.count({ where: { waitingCode: "files" } })).toBe(0);
  let job = await claim(db, workers[0] as string);
  for (; job; job = await claim(db, workers[0] as string)) await move(db, job, "cancel");
  const left = await db.job.findMany({ where: { state: { in: ["pending", "running", "validating"] } } });
  for (const one of left) expect(one.waitingCode).toMatch(/^dependency/);
  expect(await sweepLocks(db)).toBe(0);
}

test("no order of events brings two jobs to the same files or leaves one waiting", {
  timeout: 240_000,
}, async () => {
  const [db] = dbs;
  const declared = fc.array(paths(0), { minLength: JOBS, maxLength: JOBS });
  const pairs = fc.array(fc.tuple(happening, happening), { minLength: 10, maxLength: 25, size: "max" });
  await fc.assert(
    fc.asyncProperty(declared, pairs, async (files, happenings) => {
      await db.job.deleteMany();
      await db.project.deleteMany();
      await db.runner.deleteMany();
      const made = ["one", "two"].map((name) =>
        db.project.create({ data: { teamId: ctx.actor.teamId, name, repositoryUrl: "https://git.test/x" } }),
      );
      const projects = await Promise.all(made);
      const world: World = { jobs: [], workers: await addWorkers(db, WORKERS) };
      for (const [i, list] of files.entries()) {
        const before = i === JOBS - 1 ? { depends_on: [world.jobs[0]?.publicId] } : {};
        const job = await fileJob(ctx, { title: `job ${i}: ${list}`, files: list, ...before });
        // The last but one works elsewhere.
        const projectId = projects[i === JOBS - 2 ? 1 : 0]?.id as bigint;
        world.jobs.push(await db.job.update({ where: { id: job.id }, data: { projectId } }));
      }
      for (const pair of happenings) {
        await Promise.all(
          pair.map((one, i) =>
            happen(dbs[i] as Db, world, one).catch((error) => {
              // A refusal in plain words is an answer; anything else, a deadlock above all, is a fault of ours.
              if (!(error instanceof AppError)) throw error;
            }),
          ),
        );
        await check();
      }
      await checkEnd(db, world);
    }),
    { numRuns: 25 },
  );
});
