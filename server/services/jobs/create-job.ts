// Files a job: the row, its dependencies and its first event in one transaction.
import { createHash, randomBytes } from "node:crypto";
import { type Ctx, requireRole } from "../../context";
import type { Tx } from "../../db";
import { AppError } from "../../domain/errors";
import { newJobId } from "../../domain/ids";
import type { CreateJobInput } from "../../domain/inputs";
import { toMicro } from "../../domain/money";
import { rankOf } from "../../domain/priority";
import { PIPELINE_VERSION } from "../../domain/steps";
import { env } from "../../env";
import { appendEvents } from "../../events/append";
import { type Job, Prisma } from "../../generated/prisma/client";
import { announceClaimable } from "../queue/announce-claimable";

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
      return await ctx.db.$transaction((tx) => insertJob(tx, ctx, input, idempotencyKey, hash));
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

async function insertJob(
  tx: Tx,
  { actor }: Ctx,
  input: CreateJobInput,
  idempotencyKey: string | null,
  idempotencyHash: string,
): Promise<Job> {
  const dependencies = await findDependencies(tx, actor.teamId, input.depends_on);
  const open = dependencies.find((job) => job.state !== "completed");
  const now = new Date();
  const job = await tx.job.create({
    data: {
      publicId: newJobId(now, randomBytes(4)),
      teamId: actor.teamId,
      createdById: actor.userId,
      kind: "build",
      state: "pending",
      pipelineVersion: PIPELINE_VERSION,
      title: input.title,
      description: input.description,
      type: input.type ?? null,
      features: input.features,
      techStack: input.tech_stack,
      declaredFiles: input.files,
      referenceFiles: input.reference_files,
      requiredPatterns: input.required_patterns,
      requiredTests: input.required_tests,
      context: input.context ?? null,
      spec: input.spec ?? null,
      models: input.models,
      source: input.source ?? null,
      sourceId: input.source_id ?? null,
      sourceUrl: input.source_url ?? null,
      idempotencyKey,
      idempotencyHash: idempotencyKey ? idempotencyHash : null,
      priority: input.priority,
      rank: rankOf(input.priority, now),
      queuedAt: now,
      claimable: !open,
      waitingReason: open ? `waits for ${open.publicId}, which is ${open.state}` : null,
      budgetMicroUsd: toMicro(input.budget_usd ?? env().BUDGET_JOB_USD),
      maxFixes: input.max_fixes,
      dependsOn: { create: dependencies.map((dependency) => ({ dependsOnId: dependency.id })) },
    },
  });
  await tx.job.update({ where: { id: job.id }, data: { rootId: job.id } });
  await appendEvents(tx, job.id, [{ type: "job.created", data: { title: job.title, kind: job.kind } }]);
  if (!open) await announceClaimable(tx);
  return tx.job.findUniqueOrThrow({ where: { id: job.id } });
}

async function findDependencies(tx: Tx, teamId: bigint, ids: string[]): Promise<Job[]> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return [];
  // Locked until the new job is there: one that settles meanwhile would wake nobody.
  await tx.$queryRaw`
    SELECT 1 FROM job WHERE team_id = ${teamId} AND public_id = ANY(${wanted}::text[]) ORDER BY id FOR SHARE`;
  const found = await tx.job.findMany({ where: { teamId, publicId: { in: wanted } } });
  const missing = wanted.filter((id) => !found.some((job) => job.publicId === id));
  if (missing.length > 0) {
    throw new AppError("bad_request", `depends_on: there is no job ${missing.join(", ")} in this team.`);
  }
  return found;
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === "P2002";
}
