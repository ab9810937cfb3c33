// A statement sees the rows as they were when it began, but for the row that it waits for. What was changed beside that one
// meanwhile must not be missed: a job that is stopped in the moment in which it is claimed leaves no worker behind that
// is busy with nothing, nor an agent that works for nobody.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CommandSpec } from "@/runner/protocol";
import { startAgentRun } from "@/server/agents/start-agent-run";
import { switchModel } from "@/server/agents/switch-model";
import { toAppError } from "@/server/api/errors";
import type { Ctx } from "@/server/context";
import { connect, type Db, type Tx } from "@/server/db";
import { Ended } from "@/server/domain/step-outcome";
import { type Job, Prisma } from "@/server/generated/prisma/client";
import type { ModelChoice } from "@/server/models/choose-model";
import { priceOf } from "@/server/models/prices";
import { commandId, enqueueCommands } from "@/server/services/commands/enqueue-command";
import { takeCommands } from "@/server/services/commands/take-commands";
import { type Move, moveAlone, moveJob } from "@/server/services/jobs/move-job";
import { setDependencies } from "@/server/services/jobs/set-dependencies";
import { claimJob } from "@/server/services/queue/claim-job";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { reserveSpend } from "@/server/services/spend/reserve-spend";
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

const TRUE: CommandSpec = {
  kind: "exec",
  argv: ["true"],
  cwd: ".",
  env: {},
  stdin: null,
  timeout_ms: 1000,
  max_output_bytes: 1000,
  live: true,
};

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

describe("a model call that is asked for while its job's row is held:", () => {
  const ask = () =>
    reserveSpend(db, {
      job,
      key: `${job.publicId}/one`,
      role: "coder",
      provider: "simulation",
      model: "sim-1",
      price: priceOf("simulation", "sim-1"),
      inputTokens: 100,
      maxTokens: 100,
      timeoutMs: 60_000,
    });
  beforeEach(async () => {
    await claimJob(db, worker, 60);
    job = await reload(db, job);
  });

  test("is not made when the job has just been cancelled", async () => {
    const holdWorker = (tx: Tx) => tx.$queryRaw`SELECT 1 AS held FROM worker FOR UPDATE`;
    const cancel = () => moveAlone(db, { job: job.id, move: "cancel", actor: "factory" });
    const [, asked] = await oneBehindTheOther(holdWorker, cancel, ask);
    expect(asked).toMatchObject({ value: { allowed: false, why: "over" } });
    expect(await db.spend.count()).toBe(0);
  });

  test("is not made a second time", async () => {
    await db.$executeRaw`
      INSERT INTO daily_spend (team_id, day) VALUES (${ctx.actor.teamId}, (now() AT TIME ZONE 'UTC')::date)`;
    const holdDay = (tx: Tx) => tx.$queryRaw`SELECT 1 AS held FROM daily_spend FOR UPDATE`;
    const [first, second] = await oneBehindTheOther(holdDay, ask, ask);
    expect(first).toMatchObject({ allowed: true });
    expect(second).toMatchObject({ value: { allowed: false, why: "known" } });
    expect(await db.spend.count()).toBe(1);
  });
});

test("a claim that waited hands out the commands as they are then", async () => {
  const [first] = await addWorkers(db, 1);
  const last = worker;
  await db.$transaction((tx) =>
    enqueueCommands(tx, {
      job,
      commands: [{ key: "one", spec: TRUE }],
    }),
  );
  let claim: Promise<unknown> | undefined;
  await beside.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 AS held FROM worker WHERE id = ${last} FOR UPDATE`;
    claim = claimJob(db, last, 60);
    await expect.poll(waiting, soon).toBe(1);
    // Meanwhile another one has the job, begins its command and is lost.
    const taken = await claimJob(db, first as string, 61);
    const hold = { worker: first as string, job: job.publicId, fence: taken?.fence as number };
    expect(await takeCommands(db, hold)).toHaveLength(1);
    await expireLease(db, job);
    await sweepLeases(db, 120);
  });
  expect(await claim).toMatchObject({ id: job.id });
  expect(await db.command.findUnique({ where: { id: commandId(job.publicId, 1, "one") } })).toMatchObject({
    state: "queued",
    fence: null,
  });
});

describe("who waits for a job holds nothing yet that others lock behind it:", () => {
  const free = (tx: Tx, what: Prisma.Sql) => tx.$queryRaw`${what} FOR UPDATE NOWAIT`;
  const soonest = { timeout: 60_000 };

  test("an agent that goes on with another model", async () => {
    await claimJob(db, worker, 60);
    await startAgentRun(db, { job, key: "one", role: "coder", first: "Build it.", task: 1 });
    const agentRun = await db.agentRun.findFirstOrThrow();
    const other = { provider: "simulation", model: "sim-2" } as ModelChoice;
    let switched: Promise<unknown> | undefined;
    await beside.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 AS held FROM job WHERE id = ${job.id} FOR UPDATE`;
      switched = db.$transaction((own) => switchModel(own, agentRun, 1, other, "away"));
      await expect.poll(waiting, soon).toBe(1);
      await free(tx, Prisma.sql`SELECT 1 AS held FROM agent_run`);
    }, soonest);
    await switched;
    expect(await db.agentRun.findFirst()).toMatchObject({ model: "sim-2" });
  });

  test("a job that is to wait for others", async () => {
    const waits = await fileJob(ctx);
    let changed: Promise<unknown> | undefined;
    await beside.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 AS held FROM job WHERE id = ${job.id} FOR UPDATE`;
      changed = setDependencies({ ctx, input: { id: waits.publicId, depends_on: [job.publicId] } });
      await expect.poll(waiting, soon).toBe(1);
      await free(tx, Prisma.sql`SELECT 1 AS held FROM job WHERE id = ${waits.id}`);
    }, soonest);
    await changed;
    expect(await reload(db, waits)).toMatchObject({ claimable: false });
  });
});

test.each([
  ["alone", (move: Move) => moveAlone(db, move)],
  ["with others", (move: Move) => db.$transaction((tx) => moveJob(tx, move))],
])("a move about a run that is over leaves the next run alone: %s", async (_, carryOut) => {
  await claimJob(db, worker, 60);
  await db.job.update({ where: { id: job.id }, data: { run: 2 } });
  const late = { job: job.id, run: 1, move: "gave_up", actor: "factory" } as const;
  expect(await refusalOf(carryOut(late))).toBe("conflict");
  expect(await reload(db, job)).toMatchObject({ state: "running", leaseWorkerId: worker });
  await carryOut({ ...late, run: 2 });
  expect(await reload(db, job)).toMatchObject({ state: "failed", leaseWorkerId: null });
});

test.each([
  ["one by one", (tx: Tx, id: bigint) => tx.job.update({ where: { id }, data: { title: "changed" } })],
  [
    "by statements",
    (tx: Tx, id: bigint) => tx.$queryRaw`SELECT 1 AS held FROM job WHERE id = ${id} FOR UPDATE`,
  ],
])("of two that lock the same jobs in opposite order one is told to try again: %s", async (_, lock) => {
  const other = await fileJob(ctx);
  let met = 0;
  let meet = (): void => undefined;
  const both = new Promise<void>((resolve) => {
    meet = resolve;
  });
  const cross = (ids: bigint[]) =>
    db.$transaction(async (tx) => {
      await lock(tx, ids[0] as bigint);
      if (++met === 2) meet();
      await both;
      await lock(tx, ids[1] as bigint);
    });
  const ends = await Promise.allSettled([cross([job.id, other.id]), cross([other.id, job.id])]);
  const lost = ends.filter((end) => end.status === "rejected");
  expect(lost).toHaveLength(1);
  expect(toAppError(lost[0]?.reason)).toMatchObject({
    code: "unavailable",
    message: expect.stringMatching("Try again"),
  });
});
