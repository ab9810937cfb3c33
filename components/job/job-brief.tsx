"use client";
import { useEffect, useState } from "react";
import { formatShare, formatUsd } from "@/components/ui/format";
import { StateBadge } from "@/components/ui/job-state";
import type { JobView } from "@/server/domain/outputs";

/** State, progress and cost in one line, shown once the header has scrolled out of sight. */
export function JobBrief({ job }: { job: JobView }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const header = document.querySelector("[data-job-header]");
    if (!header) return;
    const watch = new IntersectionObserver(([entry]) => setShown(entry?.isIntersecting === false));
    watch.observe(header);
    return () => watch.disconnect();
  }, []);
  return (
    <p
      aria-hidden={!shown}
      className={`hidden shrink-0 items-center gap-3 text-xs tabular-nums md:flex ${shown ? "" : "invisible"}`}
    >
      <StateBadge state={job.status} />
      <span className="text-muted">
        {formatShare(job.progress)}
        <span className="hidden 2xl:inline">
          {" "}
          · {formatUsd(job.cost_usd)} of {formatUsd(job.budget_usd)}
        </span>
      </span>
    </p>
  );
}
