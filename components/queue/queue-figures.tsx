"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/api/trpc";
import { Figure, Figures } from "@/components/ui/figure";
import { formatDuration, formatShare, formatUsd } from "@/components/ui/format";
import { Bone } from "@/components/ui/states";

const WAITING = <Bone className="mt-2 w-12" />;

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
      <Figure label="Running" href="/jobs?state=running">
        {data ? (data.counts.running ?? 0) : WAITING}
      </Figure>
      <Figure label="Average wait">{data ? seconds(data.wait_seconds.avg) : WAITING}</Figure>
      <Figure label="Average duration" href="/jobs?state=completed">
        {data ? seconds(data.duration_seconds.avg) : WAITING}
      </Figure>
      <Figure label="Success" href="/jobs?state=failed">
        {data ? (data.success_rate === null ? "–" : formatShare(data.success_rate)) : WAITING}
      </Figure>
      <Figure label="Spent today">
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
