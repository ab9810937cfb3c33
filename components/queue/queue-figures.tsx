"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/api/trpc";
import { Figure, Figures } from "@/components/ui/figure";
import { formatDuration, formatShare, formatUsd } from "@/components/ui/format";
import { isMoving } from "@/components/ui/job-state";
import { Bone } from "@/components/ui/states";
import { JOB_STATES } from "@/server/domain/job-state";
import type { QueueStatsView } from "@/server/domain/outputs";

const WAITING = <Bone className="mt-2 w-12" />;

/** Jobs that have begun and are not at an end, whatever step they are at. */
const inProgress = (counts: QueueStatsView["counts"]) =>
  JOB_STATES.filter(isMoving).reduce((sum, state) => sum + counts[state], 0);

/** How busy the factory is, how fast and how good, and what today costs. */
export function QueueFigures() {
  const trpc = useTRPC();
  const { data } = useQuery(trpc.queue.stats.queryOptions({}));
  const seconds = (value: number | null | undefined) => (value == null ? "–" : formatDuration(value));
  return (
    <Figures>
      <Figure label="Waiting" href="/queue">
        {data ? data.waiting : WAITING}
      </Figure>
      <Figure label="In progress" href="/jobs">
        {data ? inProgress(data.counts) : WAITING}
      </Figure>
      <Figure label="Average wait">{data ? seconds(data.wait_seconds.avg) : WAITING}</Figure>
      <Figure label="Average duration" href="/jobs?state=completed">
        {data ? seconds(data.duration_seconds.avg) : WAITING}
      </Figure>
      <Figure label="Success" href="/jobs?state=failed">
        {data ? (data.success_rate === null ? "–" : formatShare(data.success_rate)) : WAITING}
      </Figure>
      <Figure label="Spent today" href="/costs">
        {data ? (
          <>
            {formatUsd(data.spent_today_usd)}
            <span className="ml-1.5 text-xs font-normal text-faint">of {formatUsd(data.budget_day_usd)}</span>
          </>
        ) : (
          WAITING
        )}
      </Figure>
    </Figures>
  );
}
