// A migrated database and settings that point to it, for tests below the API: services, agents, loop.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RegisterRequest } from "@/runner/protocol";
import type { Ctx, TeamRole } from "@/server/context";
import { connect, type Db, db as sharedDb } from "@/server/db";
import { createJobInput } from "@/server/domain/inputs";
import { env } from "@/server/env";
import { listener } from "@/server/events/listen";
import type { Job } from "@/server/generated/prisma/client";
import { createJob } from "@/server/services/jobs/create-job";
import { registerRunner } from "@/server/services/runners/register-runner";
import { createTestDatabase } from "./postgres";

export interface Core {
  db: Db;
  url: string;
  dataDir: string;
  close(): Promise<void>;
}

/** Settings are read once a process, so this comes before anything that reads them: in `beforeAll`. */
export async function startCore(settings: Record<string, string> = {}): Promise<Core> {
  const database = await createTestDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), "fabrica-core-"));
  Object.assign(process.env, {
    DATABASE_URL: database.url,
    DATA_DIR: dataDir,
    FABRICA_AUTH_SECRET: "0123456789abcdef0123456789abcdef",
    FABRICA_RUNNER_TOKEN: "the registration token of this test",
    LOG_LEVEL: "error",
    ...settings,
  });
  if (env().DATABASE_URL !== database.url)
    throw new Error("The settings were read before the test set them.");
  const db = connect(database.url, 12);
  return {
    db,
    url: database.url,
    dataDir,
    async close() {
      await listener().close();
      await sharedDb().$disconnect();
      await db.$disconnect();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A team with one person, who asks. `budgetDay` in micro-dollars. */
export async function addTeam(
  db: Db,
  slug: string,
  { role = "member", budgetDay = null }: { role?: TeamRole; budgetDay?: bigint | null } = {},
): Promise<Ctx> {
  const team = await db.team.create({ data: { slug, name: slug, budgetDayMicroUsd: budgetDay } });
  const email = `ana@${slug}.test`;
  const user = await db.user.create({ data: { email, username: `ana-${slug}`, passwordHash: "-" } });
  await db.membership.create({ data: { userId: user.id, teamId: team.id, role } });
  const actor = { userId: user.id, username: user.username, email, teamId: team.id, teamSlug: slug, role };
  return { db, actor };
}

/** Files a job as the API would. */
export async function fileJob(ctx: Ctx, input: Record<string, unknown> = {}): Promise<Job> {
  const { id } = await createJob({ ctx, input: createJobInput.parse({ title: "A job", ...input }) });
  return ctx.db.job.findUniqueOrThrow({ where: { id } });
}

/** Ids of `count` workers of a new runner. */
export async function addWorkers(
  db: Db,
  count: number,
  more: Partial<RegisterRequest> = {},
): Promise<string[]> {
  const { workers } = await registerRunner(db, {
    protocol: 1,
    name: "test",
    slots: count,
    driver: "bubblewrap",
    probe: [{ name: "memory", result: "pass", detail: "limited" }],
    programs: {},
    ...more,
  });
  return workers.map((worker) => worker.worker_id);
}

/** The row as it is now. */
export function reload(db: Db, job: { id: bigint }): Promise<Job> {
  return db.job.findUniqueOrThrow({ where: { id: job.id } });
}

/** A job's log: type and data, in order. */
export async function eventsOf(db: Db, job: { id: bigint }) {
  const rows = await db.jobEvent.findMany({ where: { jobId: job.id }, orderBy: { seq: "asc" } });
  return rows.map(({ seq, run, type, data }) => ({ seq, run, type, data: data as Record<string, unknown> }));
}

/** Lets a lease run out, as if its worker had been silent. */
export async function expireLease(db: Db, job: { id: bigint }): Promise<void> {
  await db.$executeRaw`
    UPDATE job SET lease_until = now() - interval '1 second' WHERE id = ${job.id} AND lease_until IS NOT NULL`;
}

/** The error code of a refusal; throws when there is none. */
export async function refusalOf(work: Promise<unknown>): Promise<string> {
  const value = await work.then(
    (given) => ({ given }),
    (error: { code?: string }) => error,
  );
  if ("given" in value) throw new Error("it was not refused");
  return value.code ?? String(value);
}
