// The commits of a claim and of an end within a step are not waited for, and a worker not for that of a filing (adr 23): what a crash of the database takes back
// is whole and gone, and nobody outside of the database has heard of it. A server of its own, durable, whose log nobody
// writes but commits.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@/cli/launcher/embedded-postgres";
import { migrate } from "@/prisma/migrate";
import type { Ctx } from "@/server/context";
import { connect, type Db, db as ofProcess } from "@/server/db";
import { createJobInput } from "@/server/domain/inputs";
import { ANY_RUNNER } from "@/server/domain/needs";
import { listener } from "@/server/events/listen";
import { createJob } from "@/server/services/jobs/create-job";
import { moveAlone } from "@/server/services/jobs/move-job";
import { claimJob, lookForJob } from "@/server/services/queue/claim-job";
import { waitInLine } from "@/server/services/queue/claim-line";
import { holdLease } from "@/server/services/queue/held-lease";
import { addTeam, addWorkers, eventsOf, fileJob, refusalOf, reload } from "../support/settings";

const folder = mkdtempSync(join(tmpdir(), "fabrica-claim-commit-"));
const dataDir = join(folder, "postgres");
let server: EmbeddedPostgres;
let db: Db;
let ctx: Ctx;
let worker: string;
let engine: Server;
/** What the engine hears, with how far the log was on disk at that moment. */
const heard: { body: string; flushed: bigint }[] = [];

const asked = async (sql: string): Promise<bigint> => {
  const [row] = await db.$queryRawUnsafe<{ at: bigint }[]>(`SELECT (${sql} - '0/0')::bigint AS at`);
  return (row as { at: bigint }).at;
};
const written = () => asked("pg_current_wal_insert_lsn()");
const flushed = () => asked("pg_current_wal_flush_lsn()");

async function start(): Promise<void> {
  // At the port that it had before: the client of the process goes on with it.
  server = await startEmbeddedPostgres({ dataDir, durable: true, port: server?.port });
  db = connect(server.url, 4);
}

beforeAll(async () => {
  chmodSync(folder, 0o755);
  engine = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", async () => {
      heard.push({ body, flushed: await flushed() });
      response.setHeader("content-type", "application/json").end('{"ids":["1"],"status":200}');
    });
  });
  await new Promise<void>((resolve) => engine.listen(0, "127.0.0.1", resolve));
  await start();
  Object.assign(process.env, {
    DATABASE_URL: server.url,
    DATA_DIR: folder,
    FABRICA_AUTH_SECRET: "0123456789abcdef0123456789abcdef",
    LOG_LEVEL: "error",
    INNGEST_DEV: "1",
    FABRICA_BUILT_IN_ENGINE: "1",
    INNGEST_BASE_URL: `http://127.0.0.1:${(engine.address() as AddressInfo).port}`,
  });
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  for (const setting of ["wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'", "autovacuum = off"])
    await admin.query(`ALTER SYSTEM SET ${setting}`);
  await admin.query("SELECT pg_reload_conf()");
  await admin.end();
  await migrate(server.url);
  ctx = await addTeam(db, "north");
  [worker = ""] = await addWorkers(db, 1);
}, 120_000);

afterAll(async () => {
  try {
    engine.close();
    await listener().close();
    await ofProcess().$disconnect();
    await db.$disconnect();
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

/** No process of the database gets to say goodbye, and none writes what it still held. */
async function crash(): Promise<void> {
  process.kill(server.pid, "SIGKILL");
  await server.exited;
  await db.$disconnect();
  await start();
  ctx = { ...ctx, db };
}

test("the engine hears of a start only when the claim is on disk", async () => {
  const { sendOutbox } = await import("@/inngest/send-outbox");
  const job = await fileJob(ctx);
  await claimJob(db, worker, 60);
  const claimed = await written();
  expect(await flushed()).toBeLessThan(claimed);
  await sendOutbox(db);
  expect(heard).toHaveLength(1);
  expect(heard[0]?.body).toContain(job.publicId);
  expect(heard[0]?.flushed).toBeGreaterThanOrEqual(claimed);
  await db.$executeRaw`UPDATE worker SET current_job_id = NULL, status = 'idle'`;
  await db.$executeRaw`UPDATE job SET claimable = false`;
}, 60_000);

test("a claim that a crash takes back has left nothing, and the job is claimed again", async () => {
  const job = await fileJob(ctx);
  const before = await reload(db, job);
  const claimed = await claimJob(db, worker, 60);
  expect(claimed?.id).toBe(job.id);
  await crash();
  expect(await reload(db, job)).toEqual(before);
  expect((await eventsOf(db, job)).map(({ type }) => type)).toEqual(["job.created"]);
  expect(await db.outbox.count({ where: { id: { contains: job.publicId } } })).toBe(0);
  expect(await db.worker.findFirstOrThrow({ where: { id: worker } })).toMatchObject({ currentJobId: null });
  const held = db.$transaction((tx) => holdLease(tx, worker, job.publicId, claimed?.fence ?? 0));
  expect(await refusalOf(held)).toBe("not_found");
  expect(await claimJob(db, worker, 60)).toMatchObject({ id: job.id, run: 1, state: "running" });
}, 60_000);

/** A job whose claim is on disk, and how it is ended by the last step of its run. */
async function workedOn() {
  await db.$executeRaw`UPDATE job SET claimable = false`;
  await db.$executeRaw`UPDATE worker SET current_job_id = NULL, status = 'idle'`;
  const job = await fileJob(ctx);
  await claimJob(db, worker, 60);
  // A commit that is waited for brings the claim along.
  await db.$executeRaw`UPDATE team SET name = name`;
  return job;
}
const endOf = (job: { id: bigint }) => ({ job: job.id, move: "correction_done", actor: "factory" }) as const;
// The engine outlives a crash of the database and then writes what it was told before: what it was told must be there.
test("an end is on disk when it is answered", async () => {
  const job = await workedOn();
  const ended = await moveAlone(db, endOf(job));
  expect(ended.state).toBe("completed");
  await crash();
  expect((await reload(db, job)).state).toBe("completed");
  expect((await eventsOf(db, job)).at(-1)).toMatchObject({ type: "job.moved", data: { to: "completed" } });
}, 60_000);

const input = createJobInput.parse({ title: "A job", source: "tracker", source_id: "1" });

/** A worker of this process waits, then a job is filed. @returns both under way, and the same filing once more */
async function fileForWaiting() {
  const begun = await db.job.count();
  await db.$executeRaw`UPDATE job SET claimable = false`;
  await db.$executeRaw`UPDATE worker SET current_job_id = NULL, status = 'idle'`;
  let looks = 0;
  const look = async () => {
    const found = await lookForJob(ofProcess(), worker, 60);
    looks++;
    return found;
  };
  const signal = new AbortController().signal;
  const claiming = waitInLine(look, { waitMs: 30_000, signal, offers: [ANY_RUNNER] });
  await vi.waitUntil(() => looks > 0, { timeout: 20_000 });
  const file = () => createJob({ ctx: { ...ctx, db: ofProcess() }, input, idempotencyKey: `key ${begun}` });
  const filing = file();
  filing.catch(() => undefined); // It is looked at by the test.
  return { filing, claiming, file };
}

test("a job is on disk when its filing is answered, though a waiting worker had it before", async () => {
  const { filing, claiming } = await fileForWaiting();
  const filed = await filing;
  expect((await claiming)?.id).toBe(filed.id);
  await crash();
  expect(await db.job.findUnique({ where: { id: filed.id } })).toMatchObject({ publicId: filed.publicId });
}, 60_000);

test("of a filing that cannot be brought to disk nothing is left after a crash, nor of the claim behind it", async () => {
  const jobs = await db.job.count();
  const database = new URL(server.url).pathname.slice(1);
  await db.$executeRawUnsafe(`ALTER DATABASE "${database}" SET search_path = public, pg_catalog`);
  await db.$executeRaw`
    CREATE FUNCTION public.pg_logical_emit_message(boolean, text, text) RETURNS pg_lsn LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$`;
  await crash();
  await db.$executeRaw`UPDATE job SET source_id = public_id`;
  const { filing, claiming, file } = await fileForWaiting();
  const claimed = await claiming;
  expect(claimed).toMatchObject({ fence: 1, state: "running" });
  await expect(filing).rejects.toThrow("no room");
  expect(await db.job.count()).toBe(jobs + 1);
  // Nor is anybody else told that it is there.
  await expect(file()).rejects.toThrow("no room");
  await expect(createJob({ ctx: { ...ctx, db: ofProcess() }, input })).rejects.toThrow("no room");
  await crash();
  expect(await db.job.count()).toBe(jobs);
  expect(await db.outbox.count({ where: { id: { contains: claimed?.publicId } } })).toBe(0);
  const held = db.$transaction((tx) => holdLease(tx, worker, claimed?.publicId ?? "", claimed?.fence ?? 0));
  expect(await refusalOf(held)).toBe("not_found");
}, 60_000);
