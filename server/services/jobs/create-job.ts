// Files a job: the row, its dependencies and its first event in one transaction.
import { createHash, randomInt } from "node:crypto";
import { type Ctx, requireRole } from "../../context";
import { runStatement, type Tx } from "../../db";
import { AppError } from "../../domain/errors";
import { jobIds } from "../../domain/ids";
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
import { bringToDisk } from "../queue/hurried";
import { type FiledJob, insertAlone, insertJob, type NewJob } from "./insert-jobs";

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
export async function createJob({ ctx, input, idempotencyKey = null }: CreateJob): Promise<FiledJob> {
  requireRole(ctx.actor, "member");
  const key = idempotencyKey ? { key: idempotencyKey, hash: hashOf(input) } : null;
  for (let attempt = 0; attempt < 5; attempt++) {
    const known = key ? await findByKey(ctx, key) : null;
    if (known) {
      // Whoever filed it may not have been answered yet.
      if (await bringToDisk(ctx.db, known.id)) return known;
      continue;
    }
    try {
      return await fileJob(ctx, input, key);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      await refuseKnownSource(ctx, input);
    }
  }
  throw new AppError("unavailable", "No free job id was found; try again.", 1);
}

/** A key, and what it was used for. */
interface Idempotency {
  key: string;
  hash: string;
}

const hashOf = (input: CreateJobInput) => createHash("sha256").update(JSON.stringify(input)).digest("hex");

async function findByKey(ctx: Ctx, { key, hash }: Idempotency): Promise<Job | null> {
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
  if (known && (await bringToDisk(ctx.db, known.id))) {
    throw new AppError(
      "conflict",
      `${input.source} ${input.source_id} was filed already as ${known.publicId}.`,
    );
  }
}

/** Without dependencies a job is one statement and one commit. */
async function fileJob(ctx: Ctx, input: CreateJobInput, key: Idempotency | null): Promise<FiledJob> {
  const wakeups = (job: FiledJob) => [logGrew(job), ...(job.claimable ? [CLAIMABLE] : [])];
  const wanted = wantedOf(ctx, input, await placeOf(ctx, input), key);
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

/** What follows from where the work is done. */
type Place = Required<
  Pick<
    NewJob,
    | "kind"
    | "projectId"
    | "baseBranch"
    | "behaviourUnchanged"
    | "techStack"
    | "models"
    | "fallbackModels"
    | "agent"
    | "prepares"
    | "needs"
    | "maxFixes"
    | "budgetMicroUsd"
  >
>;

/**
 * A new project, or the repository of a project with its own settings.
 * @throws AppError `bad_request` for a project that is not there, and for fields that need one
 */
async function placeOf(ctx: Ctx, input: CreateJobInput): Promise<Place> {
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
      kind: "build",
      projectId: null,
      baseBranch: null,
      behaviourUnchanged: false,
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
    kind: "change",
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

const newJobId = jobIds(randomInt);

/** The job as it is asked for. One literal: an object of so many fields put together from parts is a slow one. */
const wantedOf = (ctx: Ctx, input: CreateJobInput, place: Place, key: Idempotency | null): NewJob => ({
  publicId: newJobId(new Date()),
  teamId: ctx.actor.teamId,
  createdById: ctx.actor.userId,
  kind: place.kind,
  title: input.title,
  description: input.description,
  type: input.type ?? null,
  features: input.features,
  techStack: place.techStack,
  projectId: place.projectId,
  baseBranch: place.baseBranch,
  behaviourUnchanged: place.behaviourUnchanged,
  declaredFiles: input.files,
  referenceFiles: input.reference_files,
  requiredPatterns: input.required_patterns,
  requiredTests: input.required_tests,
  context: input.context ?? null,
  spec: input.spec ?? null,
  models: place.models,
  fallbackModels: place.fallbackModels,
  agent: place.agent,
  prepares: place.prepares,
  needs: place.needs,
  source: input.source ?? null,
  sourceId: input.source_id ?? null,
  sourceUrl: input.source_url ?? null,
  priority: input.priority,
  approvePlan: input.approve_plan,
  candidates: input.candidates,
  holdBackTests: input.hold_back_tests,
  deployTargets: input.deploy_targets,
  maxFixes: place.maxFixes,
  budgetMicroUsd: place.budgetMicroUsd,
  idempotencyKey: key?.key ?? null,
  idempotencyHash: key?.hash ?? null,
  waits: null,
  depends: [],
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
