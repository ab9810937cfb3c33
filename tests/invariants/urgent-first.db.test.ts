// A job that is to be done before all others (priority critical) is filed beside them, can be claimed before the disk has
// it, and is answered when it has; and claims come often enough that nobody is far from the next one (adr 27).
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import { connect, type Db, db as ofProcess } from "@/server/db";
import { createJobInput } from "@/server/domain/inputs";
import { createJob } from "@/server/services/jobs/create-job";
import { claimJob } from "@/server/services/queue/claim-job";
import { addTeam, addWorkers, type Core, startCore } from "../support/settings";

let core: Core;
let ctx: Ctx;
let beside: Db;

beforeAll(async () => {
  core = await startCore();
  const name = new URL(core.url).pathname.slice(1);
  // Databases of tests wait for no disk, this one does.
  await core.db.$executeRawUnsafe(`ALTER DATABASE "${name}" SET synchronous_commit = on`);
  await core.db.$executeRaw`CREATE TABLE filed (title text, waits text, at pg_lsn)`;
  await core.db.$executeRaw`
    CREATE FUNCTION note_filing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO filed VALUES (NEW.title, current_setting('synchronous_commit'), pg_current_wal_insert_lsn());
      RETURN NULL;
    END $$`;
  // At the commit.
  await core.db.$executeRaw`
    CREATE CONSTRAINT TRIGGER note AFTER INSERT ON job DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION note_filing()`;
  beside = connect(core.url, 2);
  ctx = { ...(await addTeam(core.db, "urgent")), db: ofProcess() };
});
afterAll(async () => {
  await beside.$disconnect();
  await core.close();
});

const file = (title: string, priority: "critical" | "high", idempotencyKey: string | null = null) =>
  createJob({ ctx, input: createJobInput.parse({ title, priority }), idempotencyKey });

test("it is not filed behind others that have to wait", async () => {
  const filed: string[] = [];
  const others: Promise<unknown>[] = [];
  await beside.$transaction(
    async (tx) => {
      // Two whose keys somebody else is just using, and so two statements of which nobody knows when they end.
      for (const key of ["one", "two"])
        await tx.$executeRaw`
          INSERT INTO job (public_id, team_id, state, title, description, rank, budget_micro_usd, idempotency_key)
          VALUES (${`JOB-HELD-${key}`}, ${ctx.actor.teamId}, 'draft', 'held', '', 0, 1, ${key})`;
      const waiting = async () =>
        (
          await core.db.$queryRaw<{ n: number }[]>`
            SELECT count(*)::int AS n FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'`
        )[0]?.n;
      for (const [n, key] of ["one", "two"].entries()) {
        others.push(file(`waits for ${key}`, "high", key).catch(() => undefined));
        await expect.poll(waiting, { timeout: 20_000 }).toBe(n + 1);
      }
      others.push(file("behind them", "high").then(() => filed.push("behind them")));
      await file("urgent", "critical").then(() => filed.push("urgent"));
      expect(filed).toEqual(["urgent"]);
    },
    { timeout: 60_000 },
  );
  await Promise.all(others);
  expect(filed).toEqual(["urgent", "behind them"]);
});

test("it can be claimed before the disk has it, and whoever filed it is told when it has", async () => {
  await file("urgent on disk", "critical");
  const [disk] = await beside.$queryRaw<{ behind: boolean }[]>`
    SELECT pg_current_wal_flush_lsn() >= at AS behind FROM filed WHERE title = 'urgent on disk'`;
  expect(disk).toEqual({ behind: true });
  await file("ordinary", "high");
  expect(
    await core.db.$queryRaw`
      SELECT title, waits FROM filed WHERE title IN ('urgent on disk', 'ordinary') ORDER BY title`,
  ).toEqual([
    { title: "ordinary", waits: "on" },
    { title: "urgent on disk", waits: "off" },
  ]);
});

test("workers that ask at once are served in threes, one group after the other", async () => {
  const workers = await addWorkers(core.db, 8);
  for (const n of workers.keys()) await file(`claimed ${n}`, "high");
  const claimed = await Promise.all(workers.map((worker) => claimJob(ofProcess(), worker, 60)));
  expect(new Set(claimed.map((job) => job?.publicId)).size).toBe(8);
  const groups = await core.db.$queryRaw<{ size: number }[]>`
    SELECT count(*)::int AS size FROM job WHERE lease_worker_id IS NOT NULL GROUP BY xmin ORDER BY 1 DESC`;
  expect(groups.map(({ size }) => size)).toEqual([3, 3, 2]);
});
