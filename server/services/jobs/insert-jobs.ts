// The rows of new jobs with their dependencies and their first events: one statement, however many they are.
import { type Db, runStatement, type Tx } from "../../db";
import type { JobKind } from "../../domain/job-kind";
import { laneOf } from "../../domain/lane";
import { type Agent, ANY_RUNNER, agentOf } from "../../domain/needs";
import { plainText } from "../../domain/plain-json";
import type { Priority } from "../../domain/priority";
import { PIPELINE_VERSION } from "../../domain/steps";
import type { Waiting } from "../../domain/waiting";
import { gather } from "../../gather";
import { type Job, Prisma } from "../../generated/prisma/client";
import { toJob } from "./job-row";
import { rankAt } from "./move-columns";

/** The columns that a new job brings, and their types. */
const COLUMNS = {
  public_id: "text",
  team_id: "bigint",
  created_by_id: "bigint",
  kind: "job_kind",
  lane: "lane",
  title: "text",
  description: "text",
  type: "text",
  features: "text[]",
  tech_stack: "text[]",
  project_id: "bigint",
  base_branch: "text",
  behaviour_unchanged: "boolean",
  declared_files: "text[]",
  reference_files: "text[]",
  required_patterns: "text[]",
  required_tests: "text[]",
  context: "text",
  spec: "text",
  models: "jsonb",
  fallback_models: "jsonb",
  approve_plan: "boolean",
  candidates: "int",
  hold_back_tests: "boolean",
  deploy_targets: "text[]",
  needs: "text",
  agent: "text",
  prepares: "boolean",
  parent_id: "bigint",
  parent_run: "int",
  candidate_n: "int",
  approach: "text",
  source: "text",
  source_id: "text",
  source_url: "text",
  idempotency_key: "text",
  idempotency_hash: "text",
  priority: "priority",
  claimable: "boolean",
  waiting_code: "text",
  waiting_reason: "text",
  budget_micro_usd: "bigint",
  max_fixes: "int",
} as const;

const NAMES = Object.keys(COLUMNS);
const INTO = Prisma.raw(NAMES.join(", "));
const RECORD = Prisma.raw(
  [...Object.entries(COLUMNS), ["root", "bigint"], ["depends", "bigint[]"]]
    .map(([name, type]) => `${name} ${type}`)
    .join(", "),
);

/** A job as it is filed. Ids are the database's own; what it does not give is empty. */
export interface NewJob
  extends Pick<Job, "publicId" | "teamId" | "title" | "description" | "budgetMicroUsd" | "maxFixes">,
    Partial<
      Pick<
        Job,
        | "createdById"
        | "type"
        | "features"
        | "techStack"
        | "projectId"
        | "baseBranch"
        | "behaviourUnchanged"
        | "declaredFiles"
        | "referenceFiles"
        | "requiredPatterns"
        | "requiredTests"
        | "context"
        | "spec"
        | "source"
        | "sourceId"
        | "sourceUrl"
        | "idempotencyKey"
        | "idempotencyHash"
        | "approvePlan"
        | "candidates"
        | "holdBackTests"
        | "deployTargets"
        | "needs"
        | "prepares"
        | "parentId"
        | "parentRun"
        | "candidateN"
        | "approach"
        | "rootId"
      >
    > {
  kind: JobKind;
  /** Left out, it follows from what the job needs. */
  agent?: Agent;
  priority: Priority;
  models: object;
  fallbackModels?: object;
  /** Why it cannot be claimed yet. */
  waits: Waiting | null;
  /** Jobs to wait for. */
  depends: readonly bigint[];
}

/** @throws a unique violation (23505) for a public id, a source or an idempotency key that is there already */
export async function insertJob(tx: Tx, job: NewJob): Promise<Job> {
  const [made] = await insertJobs(tx, [job]);
  return made as Job;
}

/** The same alone: jobs that are filed in one moment share a statement and a commit. */
export const insertAlone = gather<NewJob, Job>({
  kind: () => "",
  about: ({ publicId }) => publicId,
  run: insertJobs,
});

async function insertJobs(at: Db | Tx, jobs: readonly NewJob[]): Promise<Job[]> {
  const rows = await runStatement<Record<string, unknown>>(
    at,
    Prisma.sql`
      WITH born AS MATERIALIZED (
        SELECT nextval('job_id_seq') AS id, now()::timestamptz(3) AS at, g.*
        FROM jsonb_to_recordset(${JSON.stringify(jobs.map(rowOf))}::jsonb) AS g(${RECORD})
      ), made AS (
        INSERT INTO job (id, root_id, state, pipeline_version, rank, created_at, queued_at, last_seq, ${INTO})
        SELECT id, COALESCE(root, id), 'pending', ${PIPELINE_VERSION}::int, ${rankAt(Prisma.sql`at`, Prisma.sql`priority`)}, at, at, 1,
          ${INTO}
        FROM born RETURNING *
      ), depends AS (
        INSERT INTO job_dependency (job_id, depends_on_id)
        SELECT born.id, d.id FROM born CROSS JOIN LATERAL unnest(born.depends) AS d(id)
      ), logged AS (
        INSERT INTO job_event (job_id, seq, run, type, data)
        SELECT id, 1, run, 'job.created', jsonb_build_object('title', title, 'kind', kind) FROM made
      )
      SELECT * FROM made`,
  );
  const made = new Map(rows.map((row) => [row.public_id, toJob(row)]));
  return jobs.map(({ publicId }) => made.get(publicId) as Job);
}

/** A job as the statement reads it. */
function rowOf({ waits, depends, ...job }: NewJob) {
  const text = (id: bigint | null | undefined) => (id === null || id === undefined ? null : String(id));
  return {
    public_id: job.publicId,
    team_id: text(job.teamId),
    created_by_id: text(job.createdById),
    kind: job.kind,
    lane: laneOf(job.kind, "pending"),
    title: plainText(job.title),
    description: job.description,
    type: job.type ?? null,
    features: job.features ?? [],
    tech_stack: job.techStack ?? [],
    project_id: text(job.projectId),
    base_branch: job.baseBranch ?? null,
    behaviour_unchanged: job.behaviourUnchanged ?? false,
    declared_files: job.declaredFiles ?? [],
    reference_files: job.referenceFiles ?? [],
    required_patterns: job.requiredPatterns ?? [],
    required_tests: job.requiredTests ?? [],
    context: job.context ?? null,
    spec: job.spec ?? null,
    models: job.models,
    fallback_models: job.fallbackModels ?? {},
    approve_plan: job.approvePlan ?? false,
    candidates: job.candidates ?? 1,
    hold_back_tests: job.holdBackTests ?? true,
    deploy_targets: job.deployTargets ?? [],
    needs: job.needs ?? ANY_RUNNER,
    agent: job.agent ?? agentOf(job.needs ?? ANY_RUNNER),
    prepares: job.prepares ?? false,
    parent_id: text(job.parentId),
    parent_run: job.parentRun ?? null,
    candidate_n: job.candidateN ?? null,
    approach: job.approach ?? null,
    root: text(job.rootId),
    source: job.source ?? null,
    source_id: job.sourceId ?? null,
    source_url: job.sourceUrl ?? null,
    idempotency_key: job.idempotencyKey ?? null,
    idempotency_hash: job.idempotencyKey ? (job.idempotencyHash ?? null) : null,
    priority: job.priority,
    claimable: waits === null,
    waiting_code: waits?.code ?? null,
    waiting_reason: waits?.text ?? null,
    budget_micro_usd: text(job.budgetMicroUsd),
    max_fixes: job.maxFixes,
    depends: depends.map(String),
  };
}
