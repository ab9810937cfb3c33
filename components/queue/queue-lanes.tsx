"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/api/trpc";
import { formatDuration } from "@/components/ui/format";
import { LANES, type Lane } from "@/server/domain/lane";

const LANE_LABEL: Record<Lane, string> = {
  owners: "Building",
  validation: "Validation",
  debugging: "Corrections",
  test: "Tests of candidates",
};

/** What waits and what is worked on in each lane, and where a limit holds back. Lanes that nobody uses are left out. */
export function QueueLanes() {
  const trpc = useTRPC();
  const { data } = useQuery(trpc.queue.stats.queryOptions({}));
  if (!data) return null;
  const used = LANES.map((name) => ({ name, lane: data.lanes[name] })).filter(
    ({ lane }) => lane.limit !== null || lane.waiting + lane.leased + lane.completed + lane.failed > 0,
  );
  if (used.length === 0) return null;
  return (
    <ul aria-label="Lanes" className="mt-4 flex flex-wrap gap-x-8 gap-y-2">
      {used.map(({ name, lane }) => (
        <li key={name}>
          <span className="font-medium">{LANE_LABEL[name]}</span>
          <span className="ml-2 text-xs text-muted tabular-nums">
            {lane.waiting} waiting · {lane.leased}
            {lane.limit !== null && ` of ${lane.limit}`} at work
            {lane.wait_seconds !== null && ` · ${formatDuration(lane.wait_seconds)} wait`}
          </span>
        </li>
      ))}
    </ul>
  );
}
