import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";
import { connect, type Db } from "../db";
import type { Clock } from "./clock";
import { JobFeeds } from "./job-feed";
import { Listener } from "./listen";
import { tailJob } from "./tail";

let database: TestDatabase;
let db: Db;
let listener: Listener;

beforeAll(async () => {
  database = await createTestDatabase();
  db = connect(database.url, 4);
  listener = new Listener(database.url);
});
afterAll(async () => {
  await listener.close();
  await db.$disconnect();
  await database.drop();
});

/** A clock whose time passes only when the test says so. */
function handClock() {
  const sleepers = new Set<() => void>();
  const clock: Clock = {
    now: () => 0,
    sleep: (_ms, signal) =>
      new Promise((resolve) => {
        sleepers.add(resolve);
        const leave = () => {
          sleepers.delete(resolve);
          resolve();
        };
        signal.addEventListener("abort", leave, { once: true });
      }),
  };
  const pass = () => {
    for (const wake of sleepers) wake();
    sleepers.clear();
  };
  return { clock, pass, asleep: () => sleepers.size };
}

async function makeJob(): Promise<bigint> {
  const team = await db.team.create({ data: { slug: `t-${Math.random()}`, name: "t" } });
  const { id } = await db.job.create({
    data: {
      publicId: `JOB-${Math.random()}`,
      teamId: team.id,
      state: "pending",
      title: "t",
      description: "",
      budgetMicroUsd: 1n,
    },
  });
  return id;
}

/** Writes events without telling anybody, as if every notification were lost. */
async function writeSilently(job: bigint, from: number, to: number): Promise<void> {
  for (let seq = from; seq <= to; seq++) {
    await db.jobEvent.create({
      data: { jobId: job, seq, run: 1, type: "job.note", data: { text: `${seq}` } },
    });
  }
  await db.job.update({ where: { id: job }, data: { lastSeq: to } });
}

test("after a silence the log is asked, so that a lost notification delays but loses nothing", async () => {
  const job = await makeJob();
  await writeSilently(job, 1, 2);
  const { clock, pass, asleep } = handClock();
  const leaving = new AbortController();
  const feeds = new JobFeeds(db, listener);
  const tail = tailJob({ db, feeds, job, after: 0, signal: leaving.signal, clock });
  const seqs = async () => (await tail.next()).value?.map(({ seq }) => seq);

  expect(await seqs()).toEqual([1, 2]);
  const quiet = seqs();
  await expect.poll(asleep).toBe(1);
  await writeSilently(job, 3, 5);
  pass();
  expect(await quiet).toEqual([]);
  expect(await seqs()).toEqual([3, 4, 5]);

  const last = tail.next();
  await expect.poll(asleep).toBe(1);
  leaving.abort();
  expect((await last).value ?? []).toEqual([]);
  expect((await tail.next()).done).toBe(true);
});
