// Files a job: the row, its dependencies and its first event in one transaction.
import { createHash, randomBytes } from "node:crypto";
import { type Ctx, requireRole } from "../../context";
import { runStatement, type Tx } from "../../db";
import { AppError } from "../../domain/errors";
import { newJobId } from "../../domain/ids";
import type { CreateJobInput } from "../../domain/inputs";
import { toMicro } from "../../domain/money";
import { needsOf } from "../../domain/needs";
import { dependencyWait, NEEDS_PERSON } from "../../domain/waiting";
import { env } from "../../env";
import { type Job, Prisma } from "../../generated/prisma/client";
import { factoryPrepares } from "../external/factory-prepares";
import { waitsForFiles } from "../locks/file-waits";
import { findProject } from "../projects/find-project";
import { announce, announceSoon, logGrew } from "../queue/announce";
import { CLAIMABLE } from "../queue/announce-claimable";
import { insertAlone, insertJob, type NewJob } from "./insert-jobs";

const DEFAULT_STACK = ["node"];
const DEFAULT_FIXES = 5;

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

/** Without dependencies a job is one statement and one commit. */
async function fileJob(ctx: Ctx, input: CreateJobInput, key: string | null, hash: string): Promise<Job> {
  const wakeups = (job: Job) => [logGrew(job), ...(job.claimable ? [CLAIMABLE] : [])];
  const wanted: NewJob = {
    ...(await placeOf(ctx, input)),
    ...requestOf(input),
    publicId: newJobId(new Date(), randomBytes(4)),
    teamId: ctx.actor.teamId,
    createdById: ctx.actor.userId,
    idempotencyKey: key,
    idempotencyHash: hash,
    waits: null,
    depends: [],
  };
  const project = wanted.projectId ?? null;
  if (input.depends_on.length === 0 && (project === null || input.files.length === 0)) {
    const job = await insertAlone(ctx.db, wanted);
    announceSoon(ctx.db, wakeups(job));
    return job;
  }
  return ctx.db.$transaction(async (tx) => {
    const dependencies = await findDependencies(tx, ctx.actor.teamId, input.depends_on);
    const open =
      dependencies.find((job) => NEEDS_PERSON.includes(job.state)) ??
      dependencies.find((job) => job.state !== "completed");
    const files = project === null ? null : await waitsForFiles(tx, { project, files: input.files });
    const waits = open ? dependencyWait(open.publicId, open.state) : files;
    const job = await insertJob(tx, { ...wanted, waits, depends: dependencies.map(({ id }) => id) });
    await announce(tx, wakeups(job));
    return job;
  });
}

/**
 * What follows from where the work is done: a new project, or the repository of a project with its own settings.
 * @throws AppError `bad_request` for a project that is not there, and for fields that need one
 */
async function placeOf(ctx: Ctx, input: CreateJobInput) {
  const stack = input.tech_stack;
  if (input.agent === "external" && input.candidates > 1)
    throw new AppError(
      "bad_request",
      "candidates: an external agent does the whole job by itself; leave candidates at 1, or agent at factory.",
    );
  if (input.agent === "external" && input.deploy_targets.length > 0)
    throw new AppError(
      "bad_request",
      "deploy_targets: an external agent does the whole job by itself; leave deploy_targets out, or agent at factory.",
    );
  if (input.project === undefined) {
    if (input.base_branch !== undefined || input.behaviour_unchanged)
      throw new AppError("bad_request", "base_branch and behaviour_unchanged need a project to work on.");
    return {
      kind: "build" as const,
      techStack: stack ?? DEFAULT_STACK,
      models: input.models,
      fallbackModels: input.fallback_models,
      ...whoBegins(input, { models: input.models, image: null }),
      maxFixes: input.max_fixes ?? DEFAULT_FIXES,
      budgetMicroUsd: toMicro(input.budget_usd ?? env().BUDGET_JOB_USD),
    };
  }
  const project = await findProject(ctx, input.project).catch((error) => {
    if (error instanceof AppError && error.code === "not_found")
      throw new AppError("bad_request", `project: there is no project ${input.project} in this team.`);
    throw error;
  });
  const models = { ...(project.models as object), ...input.models };
  return {
    kind: "change" as const,
    projectId: project.id,
    baseBranch: input.base_branch ?? project.defaultBranch,
    behaviourUnchanged: input.behaviour_unchanged,
    // Without one it is found in the repository.
    techStack: stack ?? [],
    models,
    fallbackModels: { ...(project.fallbackModels as object), ...input.fallback_models },
    ...whoBegins(input, { models, image: project.image }),
    maxFixes: input.max_fixes ?? project.maxFixes ?? DEFAULT_FIXES,
    budgetMicroUsd:
      input.budget_usd === undefined
        ? (project.budgetMicroUsd ?? toMicro(env().BUDGET_JOB_USD))
        : toMicro(input.budget_usd),
  };
}

/** Who does the work, and who has to begin: an external agent may only come when plan and held-back tests are there. */
function whoBegins(input: CreateJobInput, { models, image }: { models: object; image: string | null }) {
  const { agent } = input;
  const asked = { approvePlan: input.approve_plan, holdBackTests: input.hold_back_tests, models };
  const prepares = agent === "external" && factoryPrepares(asked);
  return { agent, prepares, needs: needsOf(prepares ? "factory" : agent, image) };
}

/** What is asked for, as the row has it. */
const requestOf = (input: CreateJobInput) => ({
  title: input.title,
  description: input.description,
  type: input.type ?? null,
  features: input.features,
  declaredFiles: input.files,
  referenceFiles: input.reference_files,
  requiredPatterns: input.required_patterns,
  requiredTests: input.required_tests,
  context: input.context ?? null,
  spec: input.spec ?? null,
  source: input.source ?? null,
  sourceId: input.source_id ?? null,
  sourceUrl: input.source_url ?? null,
  priority: input.priority,
  approvePlan: input.approve_plan,
  candidates: input.candidates,
  holdBackTests: input.hold_back_tests,
  deployTargets: input.deploy_targets,
});

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
