"use client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { useTRPC } from "@/components/api/trpc";
import type { JobEvent, JobEventType } from "@/server/domain/events";
import { liveJob } from "./live-job";
import { useJobLog } from "./use-job-log";

/** Events after which the record behind the page holds something that the stream does not carry. */
const RENEWS: ReadonlySet<JobEventType> = new Set<JobEventType>([
  "job.moved",
  "job.priority",
  "job.budget",
  "plan.written",
  "plan.decided",
  "task.done",
  "check.finished",
  "workspace.committed",
  "workspace.moved",
  "candidate.settled",
  "candidate.chosen",
  "delivery.done",
  "agent.finished",
]);
const RENEW_MS = 600;

/** A job's record and its log, both live. */
export function useJob(id: string) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const detail = useQuery(trpc.jobs.detail.queryOptions({ id }));
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onEvents = useCallback(
    (events: readonly JobEvent[]) => {
      if (timer.current || !events.some((event) => RENEWS.has(event.type))) return;
      timer.current = setTimeout(() => {
        timer.current = undefined;
        void cache.invalidateQueries(trpc.jobs.detail.queryFilter({ id }));
        void cache.invalidateQueries(trpc.jobs.diff.pathFilter());
        void cache.invalidateQueries(trpc.steering.plans.queryFilter({ id }));
      }, RENEW_MS);
    },
    [cache, trpc, id],
  );
  const log = useJobLog(id, detail.data?.job.run ?? 0, onEvents);
  return { detail, log, job: detail.data ? liveJob(detail.data.job, log) : null };
}
