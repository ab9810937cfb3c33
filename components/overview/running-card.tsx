"use client";
import Link from "next/link";
import { STEP_LABEL } from "@/components/job/step-label";
import { formatUsd } from "@/components/ui/format";
import { StateBadge } from "@/components/ui/job-state";
import { ProgressBar } from "@/components/ui/progress";
import { Elapsed } from "@/components/ui/time";
import type { JobView } from "@/server/domain/outputs";

/** A job that is being worked on, as a small live card. */
export function RunningCard({ job }: { job: JobView }) {
  return (
    <Link
      href={`/jobs/${job.job_id}`}
      className="block rounded-lg border hairline bg-raised px-4 py-3 hover:border-edge"
    >
      <span className="flex items-start justify-between gap-4">
        <span className="min-w-0 truncate font-medium">{job.title}</span>
        <StateBadge state={job.status} />
      </span>
      <span className="mt-3 block">
        <ProgressBar value={job.progress} label={`Progress of ${job.title}`} />
      </span>
      <span className="mt-2 flex flex-wrap justify-between gap-x-4 text-xs text-muted tabular-nums">
        <span className="min-w-0 truncate">
          {job.waiting_reason ?? (job.current_step ? STEP_LABEL[job.current_step] : "Starting")}
          {job.iterations > 0 && ` · iteration ${job.iterations}`}
        </span>
        <span>
          {/* Whoever waits for others holds no worker, whichever was the last. */}
          {job.waiting_reason === null && `${job.worker_id ?? "no worker"} · `}
          {formatUsd(job.cost_usd)}
          {job.started_at && (
            <>
              {" · "}
              <Elapsed since={job.started_at} until={null} />
            </>
          )}
        </span>
      </span>
    </Link>
  );
}
