"use client";
import Link from "next/link";
import { memo } from "react";
import { formatUsd } from "@/components/ui/format";
import { isMoving, StateBadge } from "@/components/ui/job-state";
import { PriorityMark } from "@/components/ui/priority";
import { ProgressBar } from "@/components/ui/progress";
import { Ago } from "@/components/ui/time";
import type { JobView } from "@/server/domain/outputs";

interface Props {
  job: JobView;
  /** All jobs of the list are of one project, so that its name need not be said. */
  inProject?: boolean;
}

/** One line of a list of jobs: what it is, how far it is, what it cost, when. */
export const JobRow = memo(function JobRow({ job, inProject = false }: Props) {
  return (
    <li className="lazy-row @container border-b hairline">
      <Link
        href={`/jobs/${job.job_id}`}
        className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-0.5 rounded-md px-1 py-2 hover:bg-sunken sm:grid-cols-[7.5rem_minmax(0,1fr)_4.5rem_5.5rem] sm:px-2 @3xl:grid-cols-[7.5rem_minmax(0,1fr)_6rem_4.5rem_5.5rem]"
      >
        <span className="order-2 justify-self-end sm:order-none sm:justify-self-start">
          <StateBadge state={job.status} />
        </span>
        <span className="order-1 min-w-0 sm:order-none">
          <span className="block truncate font-medium">{job.title}</span>
          <span className="flex min-w-0 items-center gap-2 text-xs text-faint">
            <PriorityMark priority={job.priority} iconOnly />
            <span className="truncate">
              <span className="hidden @3xl:inline">{job.job_id} · </span>
              {[inProject ? null : job.project, job.tech_stack.join(", "), rowDetail(job)]
                .filter(Boolean)
                .join(" · ")}
            </span>
          </span>
        </span>
        <span className="order-5 hidden @3xl:order-none @3xl:block">
          {isMoving(job.status) && <ProgressBar value={job.progress} label={`Progress of ${job.title}`} />}
        </span>
        <span className="order-3 hidden text-right text-muted tabular-nums sm:order-none sm:block">
          {formatUsd(job.cost_usd)}
        </span>
        <span className="order-4 col-start-2 justify-self-end text-xs text-muted sm:order-none sm:col-start-auto">
          <Ago at={job.created_at} />
        </span>
      </Link>
    </li>
  );
});

/** What is most worth knowing about a job in one breath. */
function rowDetail(job: JobView): string | null {
  if (isMoving(job.status) && job.current_step) return job.current_step;
  if ((job.status === "pending" || job.status === "paused") && job.waiting_reason) return job.waiting_reason;
  if (job.error_message && job.status !== "completed") return job.error_message;
  if (job.test_results) return `${job.test_results.passed} of ${job.test_results.total} tests passed`;
  return null;
}
