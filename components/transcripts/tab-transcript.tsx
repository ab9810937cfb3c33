"use client";
// The tab that shows what agents were asked and answered: all agent runs of the job, or one of them turn by turn. Which
// one, and which turn, is part of the address.
import { useQueryClient } from "@tanstack/react-query";
import { useSearchParams } from "next/navigation";
import { useEffect, useRef } from "react";
import { useTRPC } from "@/components/api/trpc";
import type { JobLog } from "@/components/job/log-model";
import type { TabProps } from "@/components/job/tab-props";
import type { JobEventType } from "@/server/domain/events";
import type { TurnPage } from "@/server/domain/transcripts";
import { AgentRunList } from "./agent-run-list";
import { AgentRunPage } from "./agent-run-page";
import { readPlace } from "./transcript-place";

export function TabTranscript({ job, log }: TabProps) {
  const place = readPlace(useSearchParams());
  useRenewed(log);
  if (!place) return <AgentRunList job={job} />;
  const run = place.run ?? job.run;
  return (
    <AgentRunPage
      key={`${run} ${place.agentRun}`}
      id={job.job_id}
      place={{ ...place, run }}
      events={log.events}
    />
  );
}

/** After these something stands in the transcript that was not there before. */
const RENEWS: ReadonlySet<JobEventType> = new Set<JobEventType>([
  "agent.started",
  "agent.text",
  "agent.call",
  "agent.observed",
  "agent.nudged",
  "agent.finished",
  "steer.delivered",
  "job.moved",
]);
const RENEW_MS = 600;

/** A page of turns that will never be another, so that it is not asked for again. The first one also says how many there are. */
const isWhole = ({ next_cursor, turns, agent_run }: TurnPage): boolean =>
  next_cursor !== null &&
  turns.every((turn) => turn.finished_at !== null) &&
  !(agent_run.status === "running" && turns[0]?.turn === 1);

/** Asks again for what the log says has grown. */
function useRenewed(log: JobLog): void {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const seen = useRef(log.events.length);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    const fresh = log.events.slice(Math.min(seen.current, log.events.length));
    seen.current = log.events.length;
    if (timer.current || !fresh.some((event) => RENEWS.has(event.type))) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      void cache.invalidateQueries(trpc.transcripts.agentRuns.pathFilter());
      void cache.invalidateQueries({
        ...trpc.transcripts.turns.pathFilter(),
        predicate: ({ state }) => state.data === undefined || !isWhole(state.data as TurnPage),
      });
    }, RENEW_MS);
  }, [cache, trpc, log.events]);
}
