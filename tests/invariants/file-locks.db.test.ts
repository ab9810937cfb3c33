// J6: jobs of one project that declare or touch the same files do not run together, a lock never outlives its reason,
// and nobody waits for files that nobody holds.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import { connect, type Db } from "@/server/db";
import type { JobMove } from "@/server/domain/job-state";
import type { Job } from "@/server/generated/prisma/client";
import { getJob } from "@/server/services/jobs/get-job";
import { moveAlone, moveJob } from "@/server/services/jobs/move-job";
import { setDependencies } from "@/server/services/jobs/set-dependencies";
import { waitsForFiles } from "@/server/services/locks/file-waits";
import { listLocks } from "@/server/services/locks/list-locks";
import { lockProject } from "@/server/services/locks/project-locks";
import { settleFiles } from "@/server/services/locks/release-locks";
import { sweepLocks } from "@/server/services/locks/sweep-locks";
import { type Taken, takeLocks } from "@/server/services/locks/take-locks";
import { touchFiles } from "@/server/services/locks/touch-files";
import { claimJob } from "@/server/services/queue/claim-job";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { heartbeat } from "@/server/services/runners/heartbeat";
import {
  addTeam,
  addWorkers,
  type Core,
  eventsOf,
  expireLease,
  fileJob,
  reload,
  startCore,
} from "../support/settings";

let core: Core;
let db: Db;
/** The client of a second app process. */
let two: Db;
let north: Ctx;
let south: Ctx;
let project: bigint;
let workers: string[];

beforeAll(async () => {
  core = await startCore();
  db = core.db;
  two = connect(core.url, 6);
  north = await addTeam(db, "north");
  south = await addTeam(db, "south");
});
beforeEach(async () => {
  await db.job.deleteMany();
  await db.project.deleteMany();
  await db.runner.deleteMany();
  workers = await addWorkers(db, 6);
  project = await addProject(north, "shop");
});
afterAll(async () => {
  await two.$disconnect();
  await core.close();
});

async function addProject({ actor }: Ctx, name: string): Promise<bigint> {
  const made = await db.project.create({
    data: { teamId: actor.teamId, name, repositoryUrl: `https://git.test/${name}.git` },
  });
  return made.id;
}

/** A job that is filed for a project. */
async function file(files: string[], { of = project, by = north, ...more }: FileOptions = {}): Promise<Job> {
  const { name } = await db.project.findUniqueOrThrow({ where: { id: of } });
  const title = files.join(" ").slice(0, 99) || "nothing declared";
  return fileJob(by, { title, files, project: name, ...more });
}
interface FileOptions {
  of?: bigint;
  by?: Ctx;
  depends_on?: string[];
  priority?: string;
}

async function claim(index: number, at: Db = db): Promise<Job | null> {
  const job = await claimJob(at, workers[index] as string, 60);
  return job && reload(db, job);
}
/** A job that was claimed, with its files not yet looked at. */
async function claimOnly(index: number, files: string[]): Promise<Job> {
  const { id } = await fileJob(north, { title: files.join(" "), files, priority: "critical" });
  await claimJob(db, workers[index] as string, 60);
  return db.job.update({ where: { id, leaseWorkerId: { not: null } }, data: { projectId: project } });
}
const move = (job: { id: bigint }, ...moves: JobMove[]) =>
  db.$transaction(async (tx) => {
    for (const name of moves) await moveJob(tx, { job: job.id, move: name, actor: "factory" });
  });
const reasonOf = async (job: Job) => {
  const { waiting_code: code, waiting_reason: text } = await getJob({
    ctx: { ...north, db },
    input: { id: job.publicId },
  });
  return { code, text };
};
const locksOf = async (job: Job) =>
  (await db.fileLock.findMany({ where: { jobId: job.id }, orderBy: { path: "asc" } })).map(
    ({ path }) => path,
  );
const expireLocks = () => db.$executeRaw`UPDATE file_lock SET until = now() - interval '1 second'`;

describe("a claim", () => {
  test("takes all declared files, and holds back whoever needs one of them, until it ends", async () => {
    const first = await file(["src/a.ts", "src/b.ts"]);
    const second = await file(["src/b.ts", "src/c.ts"]);
    const apart = await file(["src/c.ts"]);
    expect(await claim(0)).toMatchObject({ id: first.id });
    expect(await locksOf(first)).toEqual(["src/a.ts", "src/b.ts"]);
    expect(await reload(db, second)).toMatchObject({ claimable: false, state: "pending" });
    expect(await reasonOf(second)).toEqual({
      code: "files",
      text: `waits for ${first.publicId}, which holds src/b.ts`,
    });
    expect(await claim(1)).toMatchObject({ id: apart.id });
    expect(await claim(2)).toBeNull();
    await move(first, "gave_up");
    // Now the other one is in the way.
    expect(await reasonOf(second)).toEqual({
      code: "files",
      text: `waits for ${apart.publicId}, which holds src/c.ts`,
    });
    await move(apart, "gave_up");
    expect(await reload(db, second)).toMatchObject({
      claimable: true,
      waitingCode: null,
      waitingReason: null,
    });
    expect(await claim(2)).toMatchObject({ id: second.id });
  });

  test("that came at the same moment as another sets one of the two aside, at the head of the queue", async () => {
    const jobs = [await claimOnly(0, ["src/"]), await claimOnly(1, ["src/a.ts"])];
    const taken = await Promise.all(jobs.map((job, i) => takeLocks(i ? two : db, job)));
    const lost = taken.findIndex((one) => !one.taken);
    expect(taken.filter((one) => one.taken)).toHaveLength(1);
    const [loser, winner] = [jobs[lost] as Job, jobs[1 - lost] as Job];
    expect(taken[lost]).toMatchObject({ taken: false, holder: winner.publicId } satisfies Partial<Taken>);
    expect(await reload(db, loser)).toMatchObject({
      state: "running",
      claimable: false,
      leaseWorkerId: null,
      waitingCode: "files",
      rank: 0n,
    });
    expect(await db.worker.findUniqueOrThrow({ where: { id: workers[lost] as string } })).toMatchObject({
      status: "idle",
      currentJobId: null,
    });
    expect(await locksOf(loser)).toEqual([]);
    const lateComer = await file(["other.ts"]);
    await move(winner, "gave_up");
    expect(await claim(lost)).toMatchObject({ id: loser.id, state: "running" });
    expect(await claim(1 - lost)).toMatchObject({ id: lateComer.id });
  });

  test("whose lease ended meanwhile takes nothing", async () => {
    const job = await claimOnly(0, ["src/a.ts"]);
    await move(job, "cancel");
    expect(await takeLocks(db, job)).toEqual({ taken: false, path: null, holder: null });
    expect(await locksOf(job)).toEqual([]);
  });

  test("of a job without declared files, or of another project, waits for nobody", async () => {
    await file(["./"]);
    await file([]);
    await file(["src/a.ts"], { of: await addProject(north, "blog") });
    for (let i = 0; i < 3; i++) expect(await claim(i)).not.toBeNull();
  });

  test("of a correction works under the locks of its root, which stay as long as the tree is on the way", async () => {
    const root = await file(["src/a.ts"]);
    const other = await file(["src/a.ts"]);
    await claim(0);
    await move(root, "loop_green", "rejected", "correct");
    const child = await file([]);
    await db.job.update({ where: { id: child.id }, data: { parentId: root.id, rootId: root.id } });
    expect(await locksOf(root)).toEqual(["src/a.ts"]);
    expect(await claim(1)).toMatchObject({ id: child.id });
    await move(child, "correction_done");
    expect(await locksOf(root)).toEqual(["src/a.ts"]);
    await move(root, "correction_completed");
    expect(await claim(2)).toMatchObject({ id: root.id });
    expect(await reload(db, other)).toMatchObject({ claimable: false, waitingCode: "files" });
    await move(root, "passed", "delivered");
    expect(await claim(2)).toMatchObject({ id: other.id });
  });

  test("of a correction that rests gives the files of its root up", async () => {
    const root = await file(["src/a.ts"]);
    await claim(0);
    await move(root, "loop_green", "rejected", "correct");
    const child = await file([]);
    await db.job.update({ where: { id: child.id }, data: { parentId: root.id, rootId: root.id } });
    await claim(1);
    await move(child, "pause");
    expect(await locksOf(root)).toEqual([]);
    const other = await file(["src/"]);
    expect(await claim(2)).toMatchObject({ id: other.id });
    await move(child, "resume");
    expect(await reasonOf(child)).toMatchObject({ code: "files" });
  });
});

describe("files are given up", () => {
  test.each<[string, JobMove[], JobMove[]]>([
    ["by a pause", ["pause"], ["resume"]],
    ["by a job that needs a person", ["stuck"], ["retry_with_advice"]],
    ["by a failure", ["gave_up"], ["retry"]],
    ["by a cancellation", ["cancel"], ["retry"]],
  ])("%s, and waited for when the job comes back", async (_, away, back) => {
    const first = await file(["src/a.ts"]);
    const second = await file(["src/"]);
    await claim(0);
    await move(first, ...away);
    expect(await claim(1)).toMatchObject({ id: second.id });
    await move(first, ...back);
    expect(await reload(db, first)).toMatchObject({ claimable: false });
    expect(await reasonOf(first)).toEqual({
      code: "files",
      text: `waits for ${second.publicId}, which holds src/`,
    });
    expect(await claim(0)).toBeNull();
    await move(second, "gave_up");
    expect(await claim(0)).toMatchObject({ id: first.id });
  });

  test("by nobody whose lease was lost, as long as their time is not over", async () => {
    const first = await file(["src/a.ts"]);
    const second = await file(["src/a.ts"]);
    await claim(0);
    await expireLease(db, first);
    await sweepLeases(db, 120);
    await sweepLocks(db);
    expect(await claim(1)).toMatchObject({ id: first.id });
    await expireLease(db, first);
    await sweepLeases(db, 120);
    await expireLocks();
    await db.job.update({ where: { id: first.id }, data: { claimable: false } });
    await sweepLocks(db);
    expect(await claim(1)).toMatchObject({ id: second.id });
    await db.job.update({ where: { id: first.id }, data: { claimable: true } });
    expect(await claim(2)).toBeNull();
    expect(await reasonOf(first)).toMatchObject({ code: "files" });
  });

  test("never while somebody works under them, however late a heartbeat is", async () => {
    const first = await file(["src/a.ts"]);
    const second = await file(["src/a.ts"]);
    const held = (await claim(0)) as Job;
    await expireLocks();
    await sweepLocks(db);
    expect(await locksOf(first)).toEqual(["src/a.ts"]);
    expect(await reload(db, second)).toMatchObject({ claimable: false });
    const worker = await db.worker.findUniqueOrThrow({ where: { id: workers[0] as string } });
    await heartbeat(db, worker, { lease: { job_id: held.publicId, fence: held.fence } });
    const [{ seconds }] = (await db.$queryRaw`
      SELECT extract(epoch FROM until - now())::float8 AS seconds FROM file_lock`) as [{ seconds: number }];
    expect(seconds).toBeGreaterThan(3_500);
    expect(seconds).toBeLessThanOrEqual(3_601);
  });
});

describe("a job that waits", () => {
  test("says the dependency first, then the files", async () => {
    const holder = await file(["src/a.ts"]);
    await claim(0);
    const before = await file(["b.ts"]);
    const job = await file(["src/a.ts"], { depends_on: [before.publicId] });
    expect(await reasonOf(job)).toMatchObject({ code: "dependency" });
    await move(holder, "pause");
    expect(await reload(db, job)).toMatchObject({ claimable: false, waitingCode: "dependency" });
    await move(holder, "resume");
    await claim(0);
    await claim(1);
    await move(before, "loop_green", "passed", "delivered");
    await db.$transaction(async (tx) =>
      settleFiles(tx, await tx.job.findUniqueOrThrow({ where: { id: job.id } })),
    );
    expect(await reasonOf(job)).toMatchObject({ code: "files" });
    const later = await file(["c.ts"]);
    await setDependencies({ ctx: north, input: { id: job.publicId, depends_on: [later.publicId] } });
    await move(holder, "gave_up");
    expect(await reasonOf(job)).toMatchObject({ code: "dependency" });
    expect(await reload(db, job)).toMatchObject({ claimable: false });
  });

  test("and moves on when nobody holds them any more can be claimed, and says no reason", async () => {
    const first = await claimOnly(0, ["src/"]);
    const second = await claimOnly(1, ["src/a.ts"]);
    expect(await takeLocks(db, first)).toEqual({ taken: true });
    expect(await takeLocks(db, second)).toMatchObject({ taken: false });
    const waiting = await reload(db, second);
    expect(waiting).toMatchObject({ state: "running", claimable: false, waitingCode: "files" });

    await expireLease(db, first);
    await sweepLeases(db, 120);
    await expireLocks();
    await move(second, "loop_green");
    const moved = await reload(db, second);
    expect(moved).toMatchObject({
      state: "validating",
      claimable: true,
      waitingCode: null,
      waitingReason: null,
    });
  });

  test("and comes to rest waits for a person and not for files", async () => {
    const first = await claimOnly(0, ["src/"]);
    const second = await claimOnly(1, ["src/a.ts"]);
    await takeLocks(db, first);
    await takeLocks(db, second);
    await move(second, "stuck");
    const moved = await reload(db, second);
    expect(moved).toMatchObject({ state: "escalated", claimable: false, waitingCode: null });
  });

  test("is told before it is filed", async () => {
    const holder = await file(["src/a.ts"]);
    await claim(0);
    const ask = (files: string[]) => db.$transaction((tx) => waitsForFiles(tx, { project, files }));
    expect(await ask(["docs/", "src/"])).toEqual({
      code: "files",
      text: `waits for ${holder.publicId}, which holds src/a.ts`,
    });
    expect(await ask(["docs/"])).toBeNull();
    expect(await ask([])).toBeNull();
  });

  test("is not claimable from the moment it is filed", async () => {
    const holder = await file(["src/a.ts"]);
    await claim(0);
    expect(await file(["src/"])).toMatchObject({ claimable: false, waitingCode: "files" });
    // The end of the work is a statement of its own, and frees whoever waited as well.
    await moveAlone(db, { job: holder.id, move: "correction_done", actor: "factory" });
    expect(await db.fileLock.count()).toBe(0);
    expect(await claim(1)).not.toBeNull();
  });

  test("shows control characters of a path as such, and not all of a long one", async () => {
    await file([`a\tb/${"x".repeat(400)}`]);
    await claim(0);
    const { text } = await reasonOf(await file(["a\tb/"]));
    expect(text).toMatch(/which holds a\ufffdb\/x+…$/);
    expect(text?.length).toBeLessThan(300);
  });
});

describe("files that were really touched", () => {
  test("are held from then on, and flagged once on both jobs where somebody holds them", async () => {
    const first = await file(["src/a.ts"]);
    const second = await file(["docs/"]);
    const third = await file(["lib/x.ts"]);
    await claim(0);
    await claim(1);
    const touch = () => touchFiles(db, second, ["docs/one.md", "src/a.ts", "lib/x.ts"]);
    for (let i = 0; i < 2; i++)
      expect(await touch()).toEqual({ conflicts: [{ path: "src/a.ts", holder: first.publicId }] });
    expect(await locksOf(second)).toEqual(["docs/", "docs/one.md", "lib/x.ts"]);
    expect(await reasonOf(third)).toMatchObject({ code: "files" });
    for (const [job, other] of [
      [first, second],
      [second, first],
    ] as const) {
      const flags = (await eventsOf(db, job)).filter(({ type }) => type === "files.conflict");
      expect(flags.map(({ data }) => data)).toEqual([{ with: other.publicId, paths: ["src/a.ts"], more: 0 }]);
      expect(await reload(db, job)).toMatchObject({ state: "running", leaseWorkerId: expect.any(String) });
    }
  });

  test("by two jobs at the same moment are held by one of them, and both know it", async () => {
    const [one, other] = [await file(["a/"]), await file(["b/"])] as [Job, Job];
    await claim(0);
    await claim(1);
    const found = await Promise.all([
      touchFiles(db, one, ["c", "d", "a/x"]),
      touchFiles(two, other, ["d", "c"]),
    ]);
    expect(found.flatMap(({ conflicts }) => conflicts)).toHaveLength(2);
    expect(await db.fileLock.count({ where: { path: { in: ["c", "d"] } } })).toBe(2);
    for (const job of [one, other])
      expect((await eventsOf(db, job)).filter(({ type }) => type === "files.conflict")).toHaveLength(1);
  });

  test("by a job that is not worked on any more are nobody's", async () => {
    const job = await file(["a/"]);
    await claim(0);
    await move(job, "cancel");
    expect(await touchFiles(db, job, ["c"])).toEqual({ conflicts: [] });
    expect(await db.fileLock.count()).toBe(0);
  });

  test("with names of every kind and ten thousand of them", async () => {
    const job = await file([]);
    await claim(0);
    const odd = ["a\nb", "ü/\ud800", "x".repeat(4_000), "q'\"\\$1"];
    const many = Array.from({ length: 10_000 }, (_, i) => `src/${i % 100}/${i}.ts`);
    expect(await touchFiles(db, job, [...odd, ...many])).toEqual({ conflicts: [] });
    expect(await db.fileLock.count()).toBe(10_004);
    expect((await listLocks({ ctx: north })).locks).toHaveLength(1_000);
  });
});

describe("two transactions never wait for each other:", () => {
  const someoneWaits = async () => {
    const [row] = await db.$queryRaw<{ count: bigint }[]>`
      SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    return (row?.count ?? 0n) > 0n;
  };

  test("a claim passes over a row that a move has, and the move sees what was taken", async () => {
    const claimed = await claimOnly(0, ["src/a.ts"]);
    const moved = await file(["src/a.ts"]);
    await db.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${moved.id} FOR UPDATE`;
      expect(await takeLocks(two, claimed)).toEqual({ taken: true });
      await settleFiles(tx, await tx.job.findUniqueOrThrow({ where: { id: moved.id } }));
    });
    expect(await reload(db, moved)).toMatchObject({ claimable: false, waitingCode: "files" });
  });

  test("a claim whose own row a move has does not hold the project meanwhile", async () => {
    const job = await claimOnly(0, ["src/a.ts"]);
    let taking: Promise<Taken> | undefined;
    await db.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${job.id} FOR UPDATE`;
      taking = takeLocks(two, job);
      await expect.poll(someoneWaits).toBe(true);
      await lockProject(tx, project);
    });
    expect(await taking).toEqual({ taken: true });
  });
});

describe("the sweep", () => {
  test("of two processes at once drops what a death left behind, and frees who waited, once", async () => {
    const first = await file(["src/a.ts"]);
    const second = await file(["src/a.ts"]);
    await claim(0);
    // The process died between the move and what follows it.
    await db.$transaction((tx) => moveJob(tx, { job: first.id, move: "gave_up", actor: "factory" }));
    await db.fileLock.createMany({
      data: [
        {
          projectId: project,
          path: "src/a.ts",
          jobId: first.id,
          declared: true,
          until: new Date(Date.now() + 1e6),
        },
      ],
      skipDuplicates: true,
    });
    await db.job.update({
      where: { id: second.id },
      data: { claimable: false, waitingCode: "files", waitingReason: "waits" },
    });
    const counts = await Promise.all([sweepLocks(db), sweepLocks(two), sweepLocks(db), sweepLocks(two)]);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(await sweepLocks(db)).toBe(0);
    expect(await db.fileLock.count()).toBe(0);
    expect(await reload(db, second)).toMatchObject({ claimable: true, waitingCode: null });
  });

  test("frees who waits in a project that was deleted", async () => {
    await file(["src/a.ts"]);
    const second = await file(["src/a.ts"]);
    await claim(0);
    await db.project.delete({ where: { id: project } });
    expect(await sweepLocks(db)).toBe(1);
    expect(await reload(db, second)).toMatchObject({ claimable: true, waitingCode: null });
  });
});

test("the list shows the team's own locks, with who waits for them", async () => {
  const first = await file(["src/a.ts", "docs/"]);
  const second = await file(["src/"]);
  await file(["secret.ts"], { by: south, of: await addProject(south, "vault") });
  for (let i = 0; i < 2; i++) await claim(i);
  const { locks, total } = await listLocks({ ctx: north });
  const held = { project: "shop", job_id: first.publicId, title: first.title, declared: true };
  expect(locks).toEqual([
    { ...held, path: "docs/", until: expect.any(String), waiting: [] },
    { ...held, path: "src/a.ts", until: expect.any(String), waiting: [second.publicId] },
  ]);
  expect(total).toBe(2);
  expect((await listLocks({ ctx: south })).locks).toMatchObject([{ path: "secret.ts" }]);
});
