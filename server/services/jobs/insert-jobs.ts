// The rows of new jobs with their dependencies and their first events: one statement, however many they are.
import { isOfProcess, runAhead, runPlanned, runStatement, type Tx } from "../../db";
import type { JobKind } from "../../domain/job-kind";
import { laneOf } from "../../domain/lane";
import { type Agent, ANY_RUNNER, agentOf } from "../../domain/needs";
import { plainText } from "../../domain/plain-json";
import type { Priority } from "../../domain/priority";
import { PIPELINE_VERSION } from "../../domain/steps";
import type { Waiting } from "../../domain/waiting";
import { gather } from "../../gather";
import { type Job, Prisma } from "../../generated/prisma/client";
import { template } from "../../template";
import { lookAhead, somebodyWaits } from "../queue/claim-line";
import { HURRIED, TO_DISK } from "../queue/hurried";
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
  [...Object.entries(COLUMNS), ["root", "bigint"]].map(([name, type]) => `${name} ${type}`).join(", "),
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

/** What filing tells of the job: the whole row is wide. */
export type FiledJob = Pick<Job, "id" | "publicId" | "teamId" | "state" | "run" | "lastSeq" | "claimable">;
const FILED = Prisma.sql`id, public_id, team_id, state, run, last_seq, claimable`;

/** @throws a unique violation (23505) for a public id, a source or an idempotency key that is there already */
export async function insertJob(tx: Tx, job: NewJob): Promise<FiledJob> {
  const [made] = inOrderOf([job], await runStatement(tx, statementOf(given([job]), [job])));
  return made as FiledJob;
}

/** What is to be done before all else is not filed behind others. */
const URGENT: Priority = "critical";

/**
 * The same alone, for a job that waits for nothing: those that are filed in one moment share a statement and a commit. A
 * worker of this process that waits for a job looks right behind it; neither that one waits for the disk nor any that could
 * take an urgent job; whoever files it does.
 */
export const insertAlone = gather<NewJob, FiledJob>({
  kind: ({ priority }) => (priority === URGENT ? URGENT : ""),
  about: ({ publicId }) => publicId,
  run: async (db, jobs, kind) => {
    const rows =
      isOfProcess(db) && (kind === URGENT || somebodyWaits())
        ? runAhead<Row>(db, hurriedInsertion(given(jobs)), { sent: lookAhead, last: TO_DISK })
        : runPlanned<Row>(db, insertion(given(jobs)));
    return inOrderOf(jobs, await rows);
  },
});

type Row = Record<string, unknown>;

function inOrderOf(jobs: readonly NewJob[], rows: readonly Row[]): FiledJob[] {
  const made = new Map(rows.map((row) => [row.public_id, toJob(row)]));
  return jobs.map(({ publicId }) => made.get(publicId) as FiledJob);
}

const given = (jobs: readonly NewJob[]) => JSON.stringify(jobs.map(rowOf));

/** @param rows the jobs as JSON. @param jobs those that may depend on others */
function statementOf(rows: unknown, jobs: readonly NewJob[], hurried = false): Prisma.Sql {
  return Prisma.sql`
      WITH ${hurried ? Prisma.sql`${HURRIED}, ` : Prisma.empty}made AS (
        INSERT INTO job (id, root_id, state, pipeline_version, rank, created_at, queued_at, last_seq, ${INTO})
        SELECT id, COALESCE(root, id), 'pending', ${PIPELINE_VERSION}::int, ${rankAt(Prisma.sql`at`, Prisma.sql`priority`)}, at, at, 1,
          ${INTO}
        FROM (
          SELECT nextval('job_id_seq') AS id, now()::timestamptz(3) AS at, g.*
          FROM jsonb_to_recordset(${rows}::jsonb) AS g(${RECORD})
        ) born RETURNING ${FILED}, title, kind
      )${jobs.some(({ depends }) => depends.length > 0) ? dependenciesOf(jobs) : Prisma.empty}, logged AS (
        INSERT INTO job_event (job_id, seq, run, type, data)
        SELECT id, 1, run, 'job.created', jsonb_build_object('title', title, 'kind', kind) FROM made
      )
      SELECT ${FILED} FROM made${hurried ? Prisma.sql` CROSS JOIN hurried` : Prisma.empty}`;
}

/** Jobs that depend on nothing. */
const insertion = template((rows) => statementOf(rows, []));
const hurriedInsertion = template((rows) => statementOf(rows, [], true));

function dependenciesOf(jobs: readonly NewJob[]): Prisma.Sql {
  const pairs = jobs.flatMap(({ publicId, depends }) =>
    depends.map((on) => ({ job: publicId, on: String(on) })),
  );
  return Prisma.sql`, depends AS (
    INSERT INTO job_dependency (job_id, depends_on_id)
    SELECT made.id, d.on FROM made
      JOIN jsonb_to_recordset(${JSON.stringify(pairs)}::jsonb) AS d(job text, "on" bigint) ON d.job = made.public_id)`;
}

/** A job as the statement reads it. */
function rowOf(job: NewJob) {
  const text = (id: bigint | null | undefined) => (id === null || id === undefined ? undefined : String(id));
  return {
    public_id: job.publicId,
    team_id: text(job.teamId),
    created_by_id: text(job.createdById),
    kind: job.kind,
    lane: laneOf(job.kind, "pending"),
    title: plainText(job.title),
    description: job.description,
    type: job.type,
    features: job.features ?? [],
    tech_stack: job.techStack ?? [],
    project_id: text(job.projectId),
    base_branch: job.baseBranch,
    behaviour_unchanged: job.behaviourUnchanged ?? false,
    declared_files: job.declaredFiles ?? [],
    reference_files: job.referenceFiles ?? [],
    required_patterns: job.requiredPatterns ?? [],
    required_tests: job.requiredTests ?? [],
    context: job.context,
    spec: job.spec,
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
    parent_run: job.parentRun,
    candidate_n: job.candidateN,
    approach: job.approach,
    root: text(job.rootId),
    source: job.source,
    source_id: job.sourceId,
    source_url: job.sourceUrl,
    idempotency_key: job.idempotencyKey,
    idempotency_hash: job.idempotencyHash,
    priority: job.priority,
    claimable: job.waits === null,
    waiting_code: job.waits?.code,
    waiting_reason: job.waits?.text,
    budget_micro_usd: text(job.budgetMicroUsd),
    max_fixes: job.maxFixes,
  };
}
