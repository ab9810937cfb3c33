"use client";
import Link from "next/link";
import { CopyText } from "@/components/ui/copy-text";
import { formatCount, formatUsd } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { isMoving, StateBadge } from "@/components/ui/job-state";
import { PriorityMark } from "@/components/ui/priority";
import { ProgressBar } from "@/components/ui/progress";
import { Elapsed } from "@/components/ui/time";
import { TARGET_TEXT } from "@/server/domain/deploy-targets";
import type { JobState } from "@/server/domain/job-state";
import type { JobDetailView, JobView } from "@/server/domain/outputs";
import { Deliveries } from "./deliveries";
import { Fact, Facts, ProjectFacts } from "./facts";
import { JobActions } from "./job-actions";

const BAR: Partial<Record<JobState, "good" | "warn" | "bad" | "idle">> = {
  completed: "good",
  failed: "bad",
  escalated: "bad",
  paused: "warn",
  cancelled: "idle",
};

/** Name, state, numbers and actions of a job. */
export function JobHeader({ job, deliveries }: Pick<JobDetailView, "job" | "deliveries">) {
  return (
    <header data-job-header>
      <p className="flex items-center gap-1.5 text-xs text-faint">
        <Link href="/jobs" className="hover:text-ink hover:underline">
          Jobs
        </Link>
        <span aria-hidden="true">/</span>
        {job.parent && (
          <>
            <Link href={`/jobs/${job.parent}?tab=candidates`} className="hover:text-ink hover:underline">
              {job.parent}
            </Link>
            <span aria-hidden="true">/</span>
          </>
        )}
        <CopyText text={job.job_id} />
      </p>
      <div className="mt-1 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <h1 className="max-w-[60rem] min-w-0 text-xl font-semibold tracking-tight wrap-anywhere">
          {job.title}
        </h1>
        <JobActions job={job} />
      </div>
      <div className="mt-4">
        <ProgressBar value={job.progress} label="Progress" tone={BAR[job.status] ?? "accent"} />
      </div>
      <JobFacts job={job} />
      <JobMessage job={job} />
      {job.status === "completed" && <Deliveries job={job} deliveries={deliveries} />}
    </header>
  );
}

function JobFacts({ job }: { job: JobView }) {
  return (
    <Facts>
      <Fact label="State">
        <StateBadge state={job.status} />
      </Fact>
      <Fact label="Progress">
        {Math.round(job.progress * 100)} %
        {job.current_step && <span className="text-muted"> · {job.current_step}</span>}
      </Fact>
      <Fact label="Iteration">{job.iterations}</Fact>
      <Fact label="Worker">
        {job.worker_id ? (
          <Link href="/workers" className="normal-nums hover:underline">
            {job.worker_id}
          </Link>
        ) : (
          <span className="text-faint">none</span>
        )}
      </Fact>
      <Fact label="Elapsed">
        {job.started_at ? (
          <Elapsed since={job.started_at} until={job.completed_at} />
        ) : (
          <span className="text-faint">not begun</span>
        )}
      </Fact>
      <Fact label="Cost" detail={`of ${formatUsd(job.budget_usd)}`}>
        {formatUsd(job.cost_usd)}
        <span className="ml-2 inline-block w-10 align-middle">
          <ProgressBar
            value={job.cost_usd / job.budget_usd}
            label="Part of the budget that is spent"
            tone={job.cost_usd > 0.8 * job.budget_usd ? "warn" : "idle"}
          />
        </span>
      </Fact>
      <Fact label="Priority">
        <PriorityMark priority={job.priority} />
      </Fact>
      <ProjectFacts job={job} />
      {job.tech_stack.length > 0 && <Fact label="Technology">{job.tech_stack.join(", ")}</Fact>}
      {job.test_results && (
        <Fact label="Tests">
          <span className={job.test_results.failed > 0 ? "text-bad" : "text-good"}>
            {job.test_results.passed} of {job.test_results.total} passed
          </span>
        </Fact>
      )}
      {job.candidate !== null && (
        <Fact label="Candidate" detail={job.approach ?? undefined}>
          {job.candidate}
        </Fact>
      )}
      {job.deploy_targets.length > 0 && (
        <Fact label="Deploy bundle">
          {job.deploy_targets.map((name) => TARGET_TEXT[name].label).join(", ")}
        </Fact>
      )}
      {job.run > 1 && <Fact label="Run">{job.run}</Fact>}
    </Facts>
  );
}

const asSentence = (text: string) =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

/** The one thing to know now: why it waits, why it failed, or where the result lies. */
function JobMessage({ job }: { job: JobView }) {
  // The branch of a new project is in the factory's own repository and of no use to anybody else.
  const pushed = job.project === null ? null : job.branch;
  if (job.waiting_reason) {
    return (
      <Message tone="text-muted" icon="clock">
        {asSentence(job.waiting_reason)}{" "}
        {job.wakes_at && (
          <>
            Goes on by itself at{" "}
            <time dateTime={job.wakes_at} suppressHydrationWarning>
              {new Date(job.wakes_at).toLocaleString()}
            </time>
            .{" "}
          </>
        )}
        {job.status === "pending" && (
          <Link href="/queue" className="underline underline-offset-2">
            See the queue
          </Link>
        )}
      </Message>
    );
  }
  if (job.error_message && !isMoving(job.status) && job.status !== "completed") {
    return (
      <Message tone="text-bad" icon="warning">
        {asSentence(job.error_message)}
        {job.status === "failed" && job.project !== null && (
          <>
            {" "}
            <Link href={`/projects/${job.project}`} className="underline underline-offset-2">
              See the project
            </Link>
          </>
        )}
      </Message>
    );
  }
  if (job.output_path && job.status === "completed") {
    return (
      <Message tone="text-good" icon="parcel">
        <span className="text-muted">{pushed ? "Pushed as branch" : "Delivered to"}</span>{" "}
        <CopyText text={pushed ?? job.output_path} />
        {job.changes && (
          <span className="text-muted">
            {" "}
            · {formatCount(job.changes.files.length, "file")}, +{job.changes.added} −{job.changes.removed}
          </span>
        )}
      </Message>
    );
  }
  return null;
}

function Message({
  tone,
  icon,
  children,
}: {
  tone: string;
  icon: "clock" | "warning" | "parcel";
  children: React.ReactNode;
}) {
  return (
    <p className="mt-3 flex items-start gap-2">
      <Icon name={icon} className={`mt-0.5 ${tone}`} />
      <span className="min-w-0 wrap-anywhere">{children}</span>
    </p>
  );
}
