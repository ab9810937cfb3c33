// Files a job: the row, its dependencies and its first event in one transaction.
import { createHash, randomBytes } from "node:crypto";
import { type Ctx, requireRole } from "../../context";
import { type Db, runStatement, type Tx } from "../../db";
import { AppError } from "../../domain/errors";
import { newJobId } from "../../domain/ids";
import type { CreateJobInput } from "../../domain/inputs";
import { laneOf } from "../../domain/lane";
import { toMicro } from "../../domain/money";
import { plainText } from "../../domain/plain-json";
import { PIPELINE_VERSION } from "../../domain/steps";
import { dependencyWait, NEEDS_PERSON } from "../../domain/waiting";
import { env } from "../../env";
import { type Job, Prisma } from "../../generated/prisma/client";
import { announce, announceSoon, logGrew } from "../queue/announce";
import { CLAIMABLE } from "../queue/announce-claimable";
import { toJob } from "./job-row";
import { rankAt } from "./move-job";

const KIND = "build";

/** A job that another one is to wait for. */
type Dependency = Pick<Job, "id" | "publicId" | "state">;

export interface CreateJob {
  ctx: Ctx;
  input: CreateJobInput;
  /** The same key with the same input gives the same job, however often and however parallel. */
  idempotencyKey?: string | null;
}

/**
 * Creates a pending job of the actor's team.
 * @throws AppError `conflict` (key used for another input, source filed already), `bad_request` (a dependency that is not there)
 */
export async function createJob({ ctx, input, idempotencyKey = null }: CreateJob): Promise<Job> {
  requireRole(ctx.actor, "member");
  const hash = createHash("sha256").update(JSON.stringify(input)).digest("hex");
  for (let attempt = 0; attempt < 5; attempt++) {
    const known = await findByKey(ctx, idempotencyKey, hash);
    if (known) return known;
    try {
      return await fileJob(ctx, input, idempotencyKey, hash);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      await refuseKnownSource(ctx, input);
    }
  }
  throw new AppError("unavailable", "No free job id was found; try again.", 1);
}

async function findByKey(ctx: Ctx, key: string | null, hash: string): Promise<Job | null> {
  if (!key) return null;
  const job = await ctx.db.job.findFirst({
    where: { teamId: ctx.actor.teamId, idempotencyKey: key },
  });
  if (job && job.idempotencyHash !== hash) {
    throw new AppError("conflict", "This Idempotency-Key was used for another request; use a new key.");
  }
  return job;
}

async function refuseKnownSource(ctx: Ctx, input: CreateJobInput): Promise<void> {
  if (!input.source || !input.source_id) return;
  const known = await ctx.db.job.findFirst({
    where: { teamId: ctx.actor.teamId, source: input.source, sourceId: input.source_id },
  });
  if (known) {
    throw new AppError(
      "conflict",
      `${input.source} ${input.source_id} was filed already as ${known.publicId}.`,
    );
  }
}

/** One statement: the row, its dependencies and its first event. */
async function insertJob(
  at: Db | Tx,
  { actor }: Ctx,
  input: CreateJobInput,
  idempotencyKey: string | null,
  idempotencyHash: string,
  dependencies: readonly Dependency[] = [],
): Promise<Job> {
  const open =
    dependencies.find((job) => NEEDS_PERSON.includes(job.state)) ??
    dependencies.find((job) => job.state !== "completed");
  const waits = open ? dependencyWait(open.publicId, open.state) : null;
  const created = JSON.stringify({ title: plainText(input.title), kind: KIND });
  const [row] = await runStatement<Record<string, unknown>>(
    at,
    Prisma.sql`
      WITH born AS MATERIALIZED (
        SELECT nextval('job_id_seq') AS id, now()::timestamptz(3) AS at,
          ${input.priority}::priority AS priority
      ), made AS (
        INSERT INTO job (id, root_id, public_id, team_id, created_by_id, kind, state, lane, pipeline_version, title,
          description, type, features, tech_stack, declared_files, reference_files, required_patterns, required_tests,
          context, spec, models, source, source_id, source_url, idempotency_key, idempotency_hash, priority, rank,
          created_at, queued_at, claimable, waiting_code, waiting_reason, budget_micro_usd, max_fixes, last_seq)
        SELECT id, id, ${newJobId(new Date(), randomBytes(4))}, ${actor.teamId}::bigint, ${actor.userId}::bigint,
          ${KIND}::job_kind, 'pending', ${laneOf(KIND, "pending")}::lane, ${PIPELINE_VERSION}::int, ${input.title},
          ${input.description}, ${input.type ?? null}, ${input.features}::text[], ${input.tech_stack}::text[],
          ${input.files}::text[], ${input.reference_files}::text[], ${input.required_patterns}::text[],
          ${input.required_tests}::text[], ${input.context ?? null}, ${input.spec ?? null},
          ${JSON.stringify(input.models)}::jsonb, ${input.source ?? null}, ${input.source_id ?? null},
          ${input.source_url ?? null}, ${idempotencyKey}, ${idempotencyKey ? idempotencyHash : null}, priority,
          ${rankAt(Prisma.sql`at`, Prisma.sql`priority`)}, at, at, ${waits === null}::boolean, ${waits?.code ?? null},
          ${waits?.text ?? null}, ${toMicro(input.budget_usd ?? env().BUDGET_JOB_USD)}::bigint,
          ${input.max_fixes}::int, 1
        FROM born RETURNING *
      ), depends AS (
        INSERT INTO job_dependency (job_id, depends_on_id)
        SELECT made.id, d.id FROM made, unnest(${dependencies.map((job) => job.id)}::bigint[]) AS d(id)
      ), logged AS (
        INSERT INTO job_event (job_id, seq, run, type, data)
        SELECT id, 1, run, 'job.created', ${created}::jsonb FROM made
      )
      SELECT * FROM made`,
  );
  if (!row) throw new Error("An insert gave no row.");
  return toJob(row);
}

/** Without dependencies a job is one statement and one commit. */
async function fileJob(ctx: Ctx, input: CreateJobInput, key: string | null, hash: string): Promise<Job> {
  const wakeups = (job: Job) => [logGrew(job), ...(job.claimable ? [CLAIMABLE] : [])];
  if (input.depends_on.length === 0) {
    const job = await insertJob(ctx.db, ctx, input, key, hash);
    announceSoon(ctx.db, wakeups(job));
    return job;
  }
  return ctx.db.$transaction(async (tx) => {
    const dependencies = await findDependencies(tx, ctx.actor.teamId, input.depends_on);
    const job = await insertJob(tx, ctx, input, key, hash, dependencies);
    await announce(tx, wakeups(job));
    return job;
  });
}

/**
 * The jobs to wait for, locked until the new job is there and marked for whoever moves them: one that settles meanwhile
 * would wake nobody.
 * @throws AppError `bad_request` for an id that is not a job of this team
 */
export async function findDependencies(
  tx: Tx,
  teamId: bigint,
  ids: readonly string[],
): Promise<Dependency[]> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return [];
  const found = await runStatement<Dependency>(
    tx,
    Prisma.sql`
      SELECT id, public_id AS "publicId", state FROM job
      WHERE team_id = ${teamId}::bigint AND public_id = ANY(${wanted}::text[])
      ORDER BY id FOR NO KEY UPDATE`,
  );
  const missing = wanted.filter((id) => !found.some((job) => job.publicId === id));
  if (missing.length > 0) {
    throw new AppError("bad_request", `depends_on: there is no job ${missing.join(", ")} in this team.`);
  }
  await runStatement(
    tx,
    Prisma.sql`UPDATE job SET awaited = true WHERE id = ANY(${found.map(({ id }) => id)}::bigint[]) AND NOT awaited`,
  );
  return found;
}

/** The driver names the code itself; inside a transaction Prisma wraps it. */
function isUniqueViolation(error: unknown): boolean {
  const { code, meta } = error as { code?: string; meta?: { code?: string } };
  return code === "23505" || (code === "P2010" && JSON.stringify(meta ?? {}).includes("23505"));
}
