// The one place that turns a job row into what the API shows.
import type { Db } from "../../db";
import { targetsAmong } from "../../domain/deploy-targets";
import { toUsd } from "../../domain/money";
import type { ChangesView, JobView, TestResultsView } from "../../domain/outputs";
import type { Step } from "../../domain/steps";
import type { Waiting } from "../../domain/waiting";
import type { Prisma } from "../../generated/prisma/client";
import { whyWaiting } from "../queue/why-waiting";

/** What a query must load for {@link toJobViews}. */
export const JOB_VIEW_PARTS = {
  dependsOn: { select: { dependsOn: { select: { publicId: true } } } },
  project: { select: { name: true } },
  parent: { select: { publicId: true } },
} satisfies Prisma.JobInclude;

export type JobForView = Prisma.JobGetPayload<{ include: typeof JOB_VIEW_PARTS }>;

/** Views of jobs of one team, each with why it waits. */
export async function toJobViews(db: Db, jobs: readonly JobForView[]): Promise<JobView[]> {
  const reasons = await whyWaiting(db, jobs);
  const now = new Date();
  return jobs.map((job) => toView(job, reasons.get(job.id) ?? null, now));
}

/** One of them. */
export async function toJobView(db: Db, job: JobForView): Promise<JobView> {
  const [view] = await toJobViews(db, [job]);
  return view as JobView;
}

/** @param now what running jobs' elapsed time is counted to */
function toView(job: JobForView, waiting: Waiting | null, now: Date): JobView {
  return {
    job_id: job.publicId,
    kind: job.kind,
    status: job.state,
    title: job.title,
    description: job.description,
    type: job.type,
    features: job.features,
    tech_stack: job.techStack,
    priority: job.priority,
    run: job.run,
    // Columns written only with values of the domain's lists.
    current_step: job.currentStep as Step | null,
    progress: job.progress,
    iterations: job.iterations,
    worker_id: job.leaseWorkerId ?? job.lastWorkerId,
    lane: job.lane,
    waiting_reason: waiting?.text ?? null,
    waiting_code: waiting?.code ?? null,
    wakes_at: job.wakeAt?.toISOString() ?? null,
    budget_usd: toUsd(job.budgetMicroUsd),
    cost_usd: toUsd(job.spentMicroUsd),
    max_fixes: job.maxFixes,
    branch: job.branch,
    output_path: job.outputPath,
    error_code: job.errorCode,
    error_message: job.errorMessage,
    changes: job.changes as ChangesView | null,
    test_results: job.testResults as TestResultsView | null,
    depends_on: job.dependsOn.map(({ dependsOn }) => dependsOn.publicId),
    project: job.project?.name ?? null,
    base_branch: job.baseBranch,
    base_commit: job.baseCommit,
    behaviour_unchanged: job.behaviourUnchanged,
    approve_plan: job.approvePlan,
    candidates: job.candidates,
    hold_back_tests: job.holdBackTests,
    deploy_targets: targetsAmong(job.deployTargets),
    agent: job.agent === "external" ? "external" : "factory",
    parent: job.parent?.publicId ?? null,
    candidate: job.candidateN,
    approach: job.approach,
    source: job.source,
    source_id: job.sourceId,
    source_url: job.sourceUrl,
    last_seq: job.lastSeq,
    created_at: job.createdAt.toISOString(),
    queued_at: job.queuedAt?.toISOString() ?? null,
    started_at: job.startedAt?.toISOString() ?? null,
    completed_at: job.completedAt?.toISOString() ?? null,
    elapsed_seconds: job.startedAt && ((job.completedAt ?? now).getTime() - job.startedAt.getTime()) / 1000,
  };
}
