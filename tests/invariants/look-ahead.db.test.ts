// A worker that waits looks while the job that it will have is still being filed: its look goes right behind.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Ctx } from "@/server/context";
import { db as ofProcess } from "@/server/db";
import { ANY_RUNNER } from "@/server/domain/needs";
import { type ClaimedJob, lookForJob } from "@/server/services/queue/claim-job";
import { waitInLine } from "@/server/services/queue/claim-line";
import { addTeam, addWorkers, type Core, fileJob, refusalOf, startCore } from "../support/settings";

let core: Core;
let ctx: Ctx;
let begun: number;
let ended: number;
let leave: AbortController;
let claimed: Promise<ClaimedJob | null>;

beforeAll(async () => {
  core = await startCore();
  // Only what goes to the factory's own database is awaited by its workers.
  ctx = await addTeam(ofProcess(), "ahead");
});
afterAll(async () => {
  await ofProcess().$disconnect();
  await core.close();
});
beforeEach(async () => {
  await core.db.job.deleteMany();
  const [worker = ""] = await addWorkers(ofProcess(), 1);
  begun = 0;
  ended = 0;
  leave = new AbortController();
  const look = async () => {
    begun++;
    const found = await lookForJob(ofProcess(), worker, 60);
    ended++;
    return found;
  };
  claimed = waitInLine(look, { waitMs: 60_000, signal: leave.signal, offers: [ANY_RUNNER] });
  await vi.waitUntil(() => ended === 1, { timeout: 20_000 });
});
afterEach(async () => {
  leave.abort();
  await claimed;
});

/** Files a job that cannot be written before `meanwhile` is over. */
async function fileSlowly(meanwhile: () => Promise<unknown>): Promise<{ id: bigint }> {
  let filing: Promise<{ id: bigint }> | undefined;
  await core.db.$transaction(
    async (tx) => {
      await tx.$executeRaw`LOCK TABLE job_event IN EXCLUSIVE MODE`;
      filing = fileJob(ctx);
      const waits = async () => {
        const [row] = await core.db.$queryRaw<{ n: number }[]>`
          SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND relation = 'job_event'::regclass
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
        return row?.n === 1;
      };
      await vi.waitUntil(waits, { timeout: 20_000 });
      await meanwhile();
    },
    { timeout: 60_000 },
  );
  return filing as Promise<{ id: bigint }>;
}

test("the look begins before the job is there, and has it", async () => {
  const job = await fileSlowly(() => vi.waitUntil(() => begun === 2, { timeout: 20_000 }));
  expect((await claimed)?.id).toBe(job.id);
  expect(begun).toBe(2);
});

test("a job that is refused leaves the worker waiting, and it has the next one", async () => {
  const known = { source: "tracker", source_id: "1" };
  await core.db.job.create({
    data: {
      publicId: "JOB-1",
      teamId: ctx.actor.teamId,
      state: "draft",
      title: "t",
      description: "",
      budgetMicroUsd: 1n,
      source: known.source,
      sourceId: known.source_id,
    },
  });
  expect(await refusalOf(fileJob(ctx, known))).toBe("conflict");
  await vi.waitUntil(() => ended === 2, { timeout: 20_000 });
  const job = await fileJob(ctx);
  expect((await claimed)?.id).toBe(job.id);
});
