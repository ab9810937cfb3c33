// Invariant 2 with engine runs that are lost: a job whose engine run is gone gets another one, and never are there two
// that act.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { Ended, GiveUp } from "@/server/domain/step-outcome";
import type { Command, Job } from "@/server/generated/prisma/client";
import { leaveRun, takeRun } from "@/server/loop/set-up";
import { endGivenUp, stepBody } from "@/server/loop/step-body";
import { enqueueCommands } from "@/server/services/commands/enqueue-command";
import { activeJob } from "@/server/services/jobs/active-job";
import { moveJob } from "@/server/services/jobs/move-job";
import { resendStarts } from "@/server/services/outbox/resend-starts";
import { resendWakeups } from "@/server/services/outbox/resend-wakeups";
import { claimJob } from "@/server/services/queue/claim-job";
import { addTeam, addWorkers, type Core, fileJob, reload, startCore } from "../support/settings";

let core: Core;
let db: Db;
let ctx: Ctx;
let job: Job;
/** Seconds after which an engine run counts as silent here. */
const SILENCE = 600;

beforeAll(async () => {
  core = await startCore();
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false, leaseWorkerId: null } });
  const [worker = ""] = await addWorkers(db, 1);
  await fileJob(ctx);
  job = (await claimJob(db, worker, 3_600)) as Job;
  await takeRun(db, ref("first"), "first");
});

const ref = (engine: string) => ({ job: job.publicId, run: 1, engine });
const silentFor = (seconds: number) =>
  db.$executeRaw`UPDATE job_event SET at = now() - make_interval(secs => ${seconds}::float8) WHERE job_id = ${job.id}`;
/** The starts that were sent again, without the first one. */
const resent = async () => {
  const rows = await db.outbox.findMany({ where: { name: "job/started" } });
  return rows
    .map(({ data }) => data as Record<string, unknown>)
    .filter((data) => data.job === job.publicId && data.after);
};

const shell = {
  kind: "exec" as const,
  argv: ["true"],
  cwd: ".",
  env: {},
  stdin: null,
  timeout_ms: 1_000,
  max_output_bytes: 1_000,
  live: false,
};

describe("an engine run that is silent", () => {
  test("is followed by another one, however many notice", async () => {
    await silentFor(SILENCE + 5);
    await Promise.all([resendStarts(db, SILENCE), resendStarts(db, SILENCE)]);
    const sent = await resent();
    // Two only when the minute changed between the two looks; the second would find the first.
    expect(sent.length).toBeGreaterThan(0);
    for (const data of sent) expect(data).toEqual({ job: job.publicId, run: 1, after: "first" });
    await takeRun(db, ref("second"), "second", "first");
    expect((await reload(db, job)).engineRunId).toBe("second");
    await expect(takeRun(db, ref("third"), "third", "first")).rejects.toBeInstanceOf(Ended);
  });

  test("and only slept is over at its next step, and cannot end the job", async () => {
    await takeRun(db, ref("second"), "second", "first");
    await expect(activeJob(db, ref("first"))).rejects.toBeInstanceOf(Ended);
    expect(await stepBody(ref("first"), (at) => activeJob(at, ref("first")))).toEqual({ s: "ended" });
    const gaveUp = async () => {
      throw new GiveUp("old", "what the old one says");
    };
    await stepBody(ref("first"), gaveUp);
    expect((await reload(db, job)).state).toBe("running");
    await expect(takeRun(db, ref("first"), "first")).rejects.toBeInstanceOf(Ended);
    expect(await activeJob(db, ref("second"))).toMatchObject({ publicId: job.publicId });
    await stepBody(ref("second"), gaveUp);
    expect((await reload(db, job)).state).toBe("failed");
  });
});

describe("an engine run that is given up", () => {
  const move = (name: "pause" | "resume" | "loop_green" | "passed") =>
    db.$transaction((tx) => moveJob(tx, { job: job.id, move: name, actor: "factory" }));
  const started = () =>
    db.outbox.findMany({ where: { name: "job/started", data: { path: ["job"], equals: job.publicId } } });

  test("ends its job with the reason", async () => {
    await endGivenUp(ref("first"), "A step failed: no room");
    expect(await reload(db, job)).toMatchObject({
      state: "failed",
      errorCode: "engine_gave_up",
      errorMessage: "A step failed: no room",
    });
  });

  test.each<[string, ("loop_green" | "passed")[]]>([
    ["running", []],
    ["validating", ["loop_green"]],
    ["approved", ["loop_green", "passed"]],
  ])("while its job is paused is followed by another when that goes on: %s", async (state, moves) => {
    for (const name of moves) await move(name);
    await move("pause");
    await endGivenUp(ref("first"), "A step failed: no room");
    expect(await reload(db, job)).toMatchObject({ state: "paused", engineRunId: null });
    await db.$executeRaw`UPDATE outbox SET sent_at = now() - interval '1 hour'`;
    await resendStarts(db);
    expect(await started()).toHaveLength(1);
    await move("resume");
    expect((await reload(db, job)).state).toBe(state);
    await Promise.all([resendStarts(db), resendStarts(db)]);
    expect((await started()).length).toBeGreaterThan(1);
    await takeRun(db, ref("second"), "second");
    expect(await activeJob(db, ref("second"))).toMatchObject({ publicId: job.publicId, state });
    await expect(activeJob(db, ref("first"))).rejects.toBeInstanceOf(Ended);
  });

  test("leaves nothing that another one has taken by then", async () => {
    await takeRun(db, ref("second"), "second", "first");
    await leaveRun(db, ref("first"));
    await endGivenUp(ref("first"), "A step failed: no room");
    expect(await reload(db, job)).toMatchObject({ state: "running", engineRunId: "second" });
  });
});

describe("an engine run is left alone", () => {
  const call = (deadline: Date) => ({
    key: `${job.publicId}/x`,
    teamId: job.teamId,
    rootJobId: job.id,
    jobId: job.id,
    run: 1,
    role: "coder",
    provider: "simulation",
    model: "sim-1",
    day: new Date(),
    reservedMicro: 1n,
    deadline,
  });
  const move = (name: "pause" | "cancel") =>
    db.$transaction((tx) => moveJob(tx, { job: job.id, move: name, actor: "factory" }));

  test("that spoke a moment ago", async () => {
    await silentFor(SILENCE - 60);
    await resendStarts(db, SILENCE);
    expect(await resent()).toEqual([]);
  });

  test.each<[string, () => Promise<unknown>]>([
    [
      "whose command is not over",
      () => db.$transaction((tx) => enqueueCommands(tx, { job, commands: [{ key: "k", spec: shell }] })),
    ],
    ["that asks a model", () => db.spend.create({ data: call(new Date(Date.now() + 60_000)) })],
    ["whose job is paused", () => move("pause")],
    [
      "whose job waits for a worker",
      () => db.job.update({ where: { id: job.id }, data: { leaseWorkerId: null } }),
    ],
    ["whose job is over", () => move("cancel")],
  ])("%s", async (_name, happens) => {
    await happens();
    await silentFor(SILENCE + 5);
    await resendStarts(db, SILENCE);
    expect(await resent()).toEqual([]);
  });

  test("but not for a call whose time is over", async () => {
    await db.spend.create({ data: call(new Date(Date.now() - 1_000)) });
    await silentFor(SILENCE + 5);
    await resendStarts(db, SILENCE);
    expect((await resent()).length).toBeGreaterThan(0);
  });
});

describe("an engine run that slept through what it waits for", () => {
  const command = async (key: string, set: Partial<Command>) => {
    await db.$transaction((tx) => enqueueCommands(tx, { job, commands: [{ key, spec: shell }] }));
    const { id } = await db.command.findFirstOrThrow({ where: { jobId: job.id, key } });
    await db.command.update({ where: { id }, data: set as object });
    return id;
  };
  /** What was told again, by name, with the command. */
  const told = async () => {
    const rows = await db.outbox.findMany({ where: { id: { startsWith: "wake:" } }, orderBy: { id: "asc" } });
    return rows
      .map(({ name, data }) => ({ name, ...(data as { job: string; run?: number; command?: string }) }))
      .filter((row) => row.job === job.publicId);
  };
  const over = { state: "finished", awaited: true } as const;

  test("is told again which commands are over and that the job goes on", async () => {
    const finished = await command("a", over);
    const lost = await command("b", { state: "lost", awaited: true });
    await command("c", { state: "finished", awaited: false });
    await silentFor(6);
    expect(await resendWakeups(db)).toBe(3);
    const ours = await told();
    expect(ours).toHaveLength(3);
    expect(ours).toEqual(
      expect.arrayContaining([
        { name: "command/finished", job: job.publicId, command: finished },
        { name: "command/finished", job: job.publicId, command: lost },
        { name: "job/resumed", job: job.publicId, run: 1 },
      ]),
    );
  });

  test("once for every doubling of the silence", async () => {
    await command("a", over);
    await silentFor(150);
    expect(await resendWakeups(db)).toBe(2);
    expect(await resendWakeups(db)).toBe(0);
    await silentFor(300);
    expect(await resendWakeups(db)).toBe(2);
    await silentFor(400);
    expect(await resendWakeups(db)).toBe(0);
    await silentFor(700);
    expect(await resendWakeups(db)).toBe(2);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["that spoke a moment ago", () => silentFor(1)],
    ["that no engine run has", () => db.job.update({ where: { id: job.id }, data: { engineRunId: null } })],
    [
      "whose job waits for a worker",
      () => db.job.update({ where: { id: job.id }, data: { leaseWorkerId: null } }),
    ],
  ])("but not one %s", async (_name, happens) => {
    await command("a", over);
    await silentFor(6);
    await happens();
    expect(await resendWakeups(db)).toBe(0);
    expect(await told()).toEqual([]);
  });
});
