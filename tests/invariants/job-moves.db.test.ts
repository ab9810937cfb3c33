// Invariant 1: compare-and-set along the state table, row and event in one transaction.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import {
  EXECUTING,
  isSettled,
  JOB_STATES,
  type JobMove,
  type JobState,
  nextState,
  TRANSITIONS,
} from "@/server/domain/job-state";
import type { Job } from "@/server/generated/prisma/client";
import { moveJob } from "@/server/services/jobs/move-job";
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

const MOVES = Object.keys(TRANSITIONS) as JobMove[];
let core: Core;
let ctx: Ctx;

beforeAll(async () => {
  core = await startCore();
  ctx = await addTeam(core.db, "north");
});
afterAll(() => core.close());

const move = (job: Job, name: JobMove) =>
  core.db.$transaction((tx) => moveJob(tx, { job: job.id, move: name, actor: "factory" }));

/** Numbers from 0 up to `below`, the same ones for the same seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

async function movesOf(job: Job) {
  return (await eventsOf(core.db, job))
    .filter((event) => event.type === "job.moved")
    .map((event) => event.data);
}

describe("a move", () => {
  test("is one event with who did it and why, in the same transaction", async () => {
    const job = await fileJob(ctx);
    const before = await eventsOf(core.db, job);
    await core.db
      .$transaction(async (tx) => {
        await moveJob(tx, { job: job.id, move: "cancel", actor: "factory", reason: "no" });
        throw new Error("roll back");
      })
      .catch(() => undefined);
    expect(await reload(core.db, job)).toEqual(job);
    expect(await eventsOf(core.db, job)).toEqual(before);
    await core.db.$transaction((tx) =>
      moveJob(tx, { job: job.id, move: "cancel", actor: "person:ana", reason: "no" }),
    );
    const data = { from: "pending", to: "cancelled", move: "cancel", actor: "person:ana", reason: "no" };
    expect(await movesOf(job)).toEqual([data]);
  });

  test("that the table does not allow is a conflict and changes nothing", async () => {
    for (const name of MOVES.filter((one) => !nextState("pending", one, null))) {
      const job = await fileJob(ctx);
      expect(await refusalOf(move(job, name)), name).toBe("conflict");
      expect(await reload(core.db, job)).toEqual(job);
    }
  });

  test("of a job that is not there is refused", async () => {
    await expect(move({ id: 999_999n } as Job, "cancel")).rejects.toThrow();
  });
});

describe("conflicting moves at the same moment", () => {
  test("one wins, all others are conflicts, and the log tells of one", async () => {
    for (const name of ["first_claim", "cancel"] as const) {
      const job = await fileJob(ctx);
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => move(job, name)));
      expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
      for (const result of results)
        if (result.status === "rejected") expect(result.reason.code).toBe("conflict");
      expect(await movesOf(job)).toHaveLength(1);
    }
  });

  test("different ones leave a row and a log that agree", async () => {
    const job = await fileJob(ctx);
    await move(job, "first_claim");
    const names: JobMove[] = ["loop_green", "gave_up", "stuck", "pause"];
    await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => move(job, names[i % names.length] as JobMove)),
    );
    const log = await movesOf(job);
    let state: JobState = "pending";
    for (const step of log) {
      expect(step.from).toBe(state);
      state = step.to as JobState;
    }
    expect((await reload(core.db, job)).state).toBe(state);
  });
});

describe("random moves", () => {
  test.each([1, 2, 3, 4, 5, 6])(
    "walk %d stays on the table, and rows, log and outbox agree",
    async (seed) => {
      const random = randomFrom(seed);
      const [worker = ""] = await addWorkers(core.db, 1);
      const job = await fileJob(ctx, { title: `walk ${seed}` });
      let state: JobState = "pending";
      let resume: JobState | null = null;
      let run = 1;
      for (let i = 0; i < 60; i++) {
        const held = await reload(core.db, job);
        if (held.claimable && random(3) === 0) {
          await core.db.job.updateMany({ where: { id: { not: job.id } }, data: { claimable: false } });
          const claimed = await claimJob(core.db, worker, 60);
          expect(claimed?.id).toBe(job.id);
          if (state === "pending") state = "running";
          continue;
        }
        const name = MOVES[random(MOVES.length)] as JobMove;
        const to: JobState | null = nextState(state, name, resume);
        if (!to) {
          expect(await refusalOf(move(job, name))).toBe("conflict");
          continue;
        }
        await move(job, name);
        resume = to === "paused" ? state : null;
        if (name === "retry" || name === "retry_with_advice") run++;
        state = to;
        const row = await reload(core.db, job);
        expect({ state: row.state, resume: row.resumeState, run: row.run }).toEqual({ state, resume, run });
        expect(JOB_STATES).toContain(row.state);
        if (!EXECUTING[row.state]) expect([row.leaseWorkerId, row.claimable]).toEqual([null, false]);
        // A job that can be worked on is either held or to be had: it never falls between two chairs.
        else expect(row.claimable).toBe(row.leaseWorkerId === null);
        expect(row.completedAt !== null).toBe(isSettled(row.state));
      }
      const log = await eventsOf(core.db, job);
      expect(log.map((event) => event.seq)).toEqual(log.map((_, i) => i + 1));
      expect((await reload(core.db, job)).lastSeq).toBe(log.length);
      const stops = log.filter(
        (e) => e.type === "job.moved" && ["cancelled", "failed", "escalated"].includes(String(e.data.to)),
      );
      const sent = await core.db.outbox.findMany({
        where: { name: "job/stopped", data: { path: ["job"], equals: job.publicId } },
      });
      const runs = (list: { run: number }[]) => new Set(list.map((one) => one.run)).size;
      if (stops.length > 0) expect(sent.length).toBeGreaterThan(0);
      expect(runs(sent.map((row) => row.data as { run: number }))).toBeLessThanOrEqual(run);
    },
  );
});
