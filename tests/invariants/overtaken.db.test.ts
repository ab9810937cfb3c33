// A statement sees the rows as they were when it began, but for the row that it waits for. What was changed beside that one
// meanwhile must not be missed: a job that is stopped in the moment in which it is claimed leaves no worker behind that
// is busy with nothing, nor an agent that works for nobody.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startAgentRun } from "@/server/agents/start-agent-run";
import type { Ctx } from "@/server/context";
import { connect, type Db, type Tx } from "@/server/db";
import { Ended } from "@/server/domain/step-outcome";
import type { Job } from "@/server/generated/prisma/client";
import { moveAlone, moveJob } from "@/server/services/jobs/move-job";
import { claimJob } from "@/server/services/queue/claim-job";
import { addTeam, addWorkers, type Core, eventsOf, fileJob, reload, startCore } from "../support/settings";

let core: Core;
let db: Db;
let beside: Db;
let ctx: Ctx;
let job: Job;
let worker: string;

beforeAll(async () => {
  core = await startCore({ MAX_AGENT_RUNS_PER_DAY: "100" });
  db = core.db;
  beside = connect(core.url, 2);
  ctx = await addTeam(db, "north");
});
afterAll(async () => {
  await beside.$disconnect();
  await core.close();
});
beforeEach(async () => {
  await db.job.deleteMany();
  await db.runner.deleteMany();
  await db.dailySpend.deleteMany();
  job = await fileJob(ctx);
  [worker] = (await addWorkers(db, 1)) as [string];
});

const waiting = async () => {
  const [row] = await db.$queryRaw<{ n: number }[]>`
    SELECT count(*)::int AS n FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return row?.n;
};
const soon = { timeout: 20_000 };

/** `first` comes as far as what `held` holds, `second` as far as what `first` holds; then all go on. */
async function oneBehindTheOther<First, Second>(
  held: (tx: Tx) => Promise<unknown>,
  first: () => Promise<First>,
  second: () => Promise<Second>,
): Promise<[First, PromiseSettledResult<Second>]> {
  let works: [Promise<First>, Promise<PromiseSettledResult<Second>[]>] | undefined;
  const over = new Error("over");
  await beside
    .$transaction(
      async (tx) => {
        await held(tx);
        const one = first();
        await expect.poll(waiting, soon).toBe(1);
        works = [one, Promise.allSettled([second()])];
        await expect.poll(waiting, soon).toBe(2);
        throw over;
      },
      { timeout: 60_000 },
    )
    .catch((error) => {
      if (error !== over) throw error;
    });
  if (!works) throw new Error("nothing was begun");
  const [one, [two]] = await Promise.all(works);
  return [one, two as PromiseSettledResult<Second>];
}

/** What the claim of a job writes behind its lease, so that it waits there. */
const holdClaim = (tx: Tx) => tx.$executeRaw`
  INSERT INTO outbox (id, name, data) VALUES (${`started:${job.publicId}:1`}, 'held', '{}')`;

describe("a job that is stopped in the moment in which it is claimed frees its worker:", () => {
  test.each([
    ["cancelled alone", "cancelled", () => moveAlone(db, { job: job.id, move: "cancel", actor: "factory" })],
    [
      "cancelled with others",
      "cancelled",
      () => db.$transaction((tx) => moveJob(tx, { job: job.id, move: "cancel", actor: "factory" })),
    ],
    [
      "paused",
      "paused",
      () => db.$transaction((tx) => moveJob(tx, { job: job.id, move: "pause", actor: "factory" })),
    ],
  ] as const)("%s", async (_, state, stop) => {
    const [claimed, stopped] = await oneBehindTheOther(holdClaim, () => claimJob(db, worker, 60), stop);
    expect(claimed?.id).toBe(job.id);
    expect(stopped.status).toBe("fulfilled");
    expect(await reload(db, job)).toMatchObject({ state, leaseWorkerId: null, fence: 2 });
    expect((await eventsOf(db, job)).map(({ type }) => type).slice(-3)).toEqual([
      "job.moved",
      "lease.lost",
      "job.moved",
    ]);
    expect(await db.worker.findUnique({ where: { id: worker } })).toMatchObject({
      status: "idle",
      currentJobId: null,
    });
    const next = await fileJob(ctx);
    expect((await claimJob(db, worker, 60))?.id).toBe(next.id);
  });
});

describe("an agent and the end of its job at once:", () => {
  const begin = () => startAgentRun(db, { job, key: "one", role: "coder", first: "Build it.", task: 1 });
  const cancel = () => moveAlone(db, { job: job.id, move: "cancel", actor: "factory" });
  beforeEach(async () => {
    await claimJob(db, worker, 60);
    await db.$executeRaw`
      INSERT INTO daily_spend (team_id, day) VALUES (${ctx.actor.teamId}, (now() AT TIME ZONE 'UTC')::date)`;
  });

  test("an agent that has just begun ends with its job", async () => {
    const holdDay = (tx: Tx) => tx.$queryRaw`SELECT 1 AS held FROM daily_spend FOR UPDATE`;
    await oneBehindTheOther(holdDay, begin, cancel);
    expect(await db.agentRun.findMany()).toMatchObject([
      { state: "failed", result: { failed: "the job was cancelled" } },
    ]);
  });

  test("an agent does not begin when its job has just ended", async () => {
    // The end of a lease writes the worker's row, and so waits for it under the job's.
    const holdWorker = (tx: Tx) => tx.$queryRaw`SELECT 1 AS held FROM worker FOR UPDATE`;
    const [, begun] = await oneBehindTheOther(holdWorker, cancel, begin);
    expect(begun).toMatchObject({ status: "rejected", reason: expect.any(Ended) });
    expect(await db.agentRun.count()).toBe(0);
    expect(await db.dailySpend.findMany({ select: { agentRuns: true } })).toEqual([{ agentRuns: 0 }]);
  });
});

test("a job that is cancelled while it is woken stays cancelled", async () => {
  const project = await db.project.create({
    data: { teamId: ctx.actor.teamId, name: "shop", repositoryUrl: "https://git.test/shop" },
  });
  const filed = await fileJob(ctx, { depends_on: [job.publicId], files: ["src/"] });
  const waits = await db.job.update({ where: { id: filed.id }, data: { projectId: project.id } });
  await claimJob(db, worker, 60);
  await db.$transaction(async (tx) => {
    for (const move of ["loop_green", "passed"] as const)
      await moveJob(tx, { job: job.id, move, actor: "factory" });
  });
  // Whoever is woken is looked at for its files, too.
  const [, cancelled] = await oneBehindTheOther(
    (tx) => tx.$executeRaw`LOCK TABLE file_lock IN ACCESS EXCLUSIVE MODE`,
    () => moveAlone(db, { job: job.id, move: "delivered", actor: "factory" }),
    () => moveAlone(db, { job: waits.id, move: "cancel", actor: "factory" }),
  );
  expect(cancelled.status).toBe("fulfilled");
  expect(await reload(db, waits)).toMatchObject({ state: "cancelled", claimable: false });
});
