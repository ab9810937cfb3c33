// The one place that turns a job row into what the API shows.
import { toUsd } from "../../domain/money";
import type { ChangesView, JobView, TestResultsView } from "../../domain/outputs";
import type { Step } from "../../domain/steps";
import type { Prisma } from "../../generated/prisma/client";

/** What a query must load for {@link toJobView}. */
export const JOB_VIEW_PARTS = {
  dependsOn: { select: { dependsOn: { select: { publicId: true } } } },
} satisfies Prisma.JobInclude;

export type JobForView = Prisma.JobGetPayload<{ include: typeof JOB_VIEW_PARTS }>;

/** @param now what running jobs' elapsed time is counted to */
export function toJobView(job: JobForView, now: Date = new Date()): JobView {
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
    waiting_reason: job.waitingReason,
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
