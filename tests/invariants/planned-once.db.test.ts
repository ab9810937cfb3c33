// What the queue does with every job is planned once a connection and by indexes, also when its tables were empty then
// (adr 24).
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import { connect, type Db, runAhead, runBehind, runPlanned } from "@/server/db";
import { moveAlone } from "@/server/services/jobs/move-job";
import { claimJob } from "@/server/services/queue/claim-job";
import { addTeam, addWorkers, type Core, fileJob, startCore } from "../support/settings";

let core: Core;
let db: Db;
let ctx: Ctx;
let worker: string;

beforeAll(async () => {
  core = await startCore();
  // One connection, so that every statement meets its own plan again.
  db = connect(core.url, 1);
  ctx = await addTeam(db, "planned");
  [worker = ""] = await addWorkers(db, 1);
});
afterAll(async () => {
  await db.$disconnect();
  await core.close();
});

async function cycle(): Promise<void> {
  await fileJob(ctx);
  const job = await claimJob(db, worker, 60);
  await moveAlone(db, { job: job?.id ?? 0n, move: "correction_done", actor: "factory" });
}

test("no statement of a cycle is planned for its values", async () => {
  for (let i = 0; i < 12; i++) await cycle();
  const plans = await runPlanned<{ statement: string; generic_plans: string; custom_plans: string }>(db, {
    text: "SELECT statement, generic_plans::text, custom_plans::text FROM pg_prepared_statements",
    values: [],
  });
  const used = plans.filter(({ generic_plans }) => Number(generic_plans) > 1);
  for (const part of ["INSERT INTO job ", "lease.claimed", "lease.lost"])
    expect(used.filter(({ statement }) => statement.includes(part))).toHaveLength(1);
  expect(plans.filter(({ custom_plans }) => custom_plans !== "0")).toEqual([]);
});

test("no cycle reads a whole table of jobs, although the plan was made when there was none", async () => {
  await db.$executeRaw`
    INSERT INTO job (public_id, team_id, state, title, description, rank, queued_at, budget_micro_usd)
    SELECT 'JOB-FILL-' || n, ${ctx.actor.teamId}, 'draft', 'filled', '', 0, now(), 1 FROM generate_series(1, 5000) n`;
  const rowsRead = async () => {
    await db.$queryRaw`SELECT pg_stat_force_next_flush()::text`;
    const [row] = await db.$queryRaw<{ read: bigint }[]>`
      SELECT seq_tup_read + idx_tup_fetch AS read FROM pg_stat_user_tables WHERE relname = 'job'`;
    return Number(row?.read);
  };
  await runPlanned(db, { text: "SELECT pg_stat_force_next_flush()::text", values: [] });
  const before = await rowsRead();
  for (let i = 0; i < 3; i++) await cycle();
  await runPlanned(db, { text: "SELECT pg_stat_force_next_flush()::text", values: [] });
  expect((await rowsRead()) - before).toBeLessThan(500);
});

const backend = async () => {
  const [row] = await runPlanned<{ pid: number }>(db, { text: "SELECT pg_backend_pid() AS pid", values: [] });
  return row?.pid;
};

test("a statement that is refused leaves the connection with its plans; one that breaks it does not stay", async () => {
  const before = await backend();
  await expect(runPlanned(db, { text: "SELECT 1 / 0", values: [] })).rejects.toThrow("division by zero");
  expect(await backend()).toBe(before);
  const end = { text: "SELECT pg_terminate_backend(pg_backend_pid())", values: [] };
  await expect(runPlanned(db, end)).rejects.toThrow("terminating connection");
  expect(await backend()).not.toBe(before);
});

const says = (text: string) => ({ text, values: [] });

test("what runs behind a statement goes down its connection, finds its commit and is answered apart from it; the last one behind all", async () => {
  const wide = connect(core.url, 4);
  try {
    await wide.$executeRaw`CREATE TABLE beside (n int)`;
    const look = says("SELECT count(*)::int AS n, pg_backend_pid() AS pid FROM beside");
    const behind: Promise<{ n: number; pid: number }[]>[] = [];
    const sent = () => {
      const one = runBehind<{ n: number; pid: number }>(wide, look);
      one.catch(() => undefined); // It is looked at below.
      behind.push(one);
    };
    const follow = { sent, last: says("INSERT INTO beside VALUES (2)") };
    const numbers = () => runPlanned<{ n: number }>(wide, says("SELECT n FROM beside ORDER BY n"));
    const insert = says("INSERT INTO beside SELECT 1 FROM pg_sleep(0.1) RETURNING pg_backend_pid() AS pid");
    const [ahead] = await runAhead<{ pid: number }>(wide, insert, follow);
    expect(await behind[0]).toEqual([{ n: 1, pid: ahead?.pid }]);
    expect(await numbers()).toEqual([{ n: 1 }, { n: 2 }]);
    // Behind a statement that is refused there is no last one; nor is one answered that is refused itself.
    await expect(runAhead(wide, says("SELECT 1 / 0"), follow)).rejects.toThrow("division by zero");
    expect(await behind[1]).toEqual([{ n: 2, pid: ahead?.pid }]);
    expect(await numbers()).toHaveLength(2);
    const refused = { sent: () => undefined, last: says("SELECT 2 / 0") };
    await expect(runAhead(wide, says("SELECT 1"), refused)).rejects.toThrow("division by zero");
    const end = says("SELECT pg_terminate_backend(pg_backend_pid())");
    await expect(runAhead(wide, end, follow)).rejects.toThrow("terminating connection");
    await expect(behind[2]).rejects.toThrow();
    // Nobody is ahead any more, and the broken connection is gone.
    expect(await runBehind(wide, look)).toEqual([
      { n: 2, pid: expect.not.toSatisfy((n) => n === ahead?.pid) },
    ]);
  } finally {
    await wide.$disconnect();
  }
});
