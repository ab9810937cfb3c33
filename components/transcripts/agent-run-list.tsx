"use client";
// All agent runs of a job, oldest first: who worked on what with which model, how long, for how much, and how it came out.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTRPC, useTRPCClient } from "@/components/api/trpc";
import { Button } from "@/components/ui/button";
import { formatCount, formatUsd } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import { Elapsed } from "@/components/ui/time";
import type { JobView } from "@/server/domain/outputs";
import type { AgentRunView } from "@/server/domain/transcripts";
import { placeOf, verdictOf } from "./agent-verdict";
import { ExportLink } from "./export-link";
import { LearningsFound } from "./learnings-told";
import { TranscriptLink } from "./transcript-link";

const PAGE = 100;

export function AgentRunList({ job }: { job: JobView }) {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const asked = { id: job.job_id, limit: PAGE };
  const list = useInfiniteQuery({
    queryKey: trpc.transcripts.agentRuns.infiniteQueryKey(asked),
    queryFn: ({ pageParam, signal }) =>
      client.transcripts.agentRuns.query({ ...asked, cursor: pageParam }, { signal }),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  if (list.isPending) return <BoneRows rows={6} label="The agents are being fetched" />;
  if (list.isError) return <ErrorNote error={list.error} onRetry={() => list.refetch()} />;
  const runs = list.data.pages.flatMap((page) => page.agent_runs);
  if (runs.length === 0) return <NoAgents job={job} />;
  const groups = new Map<number, AgentRunView[]>();
  for (const run of runs) groups.set(run.run, [...(groups.get(run.run) ?? []), run]);
  return (
    <div className="max-w-[68rem]">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <p className="text-muted tabular-nums">
          {formatCount(runs.length, "agent")}
          {list.hasNextPage && " and more"} · {formatCount(sumOf(runs, "turns"), "turn")} ·{" "}
          {formatUsd(sumOf(runs, "cost_usd"))}
        </p>
        <ExportLink id={job.job_id} />
      </div>
      {[...groups].map(([run, members]) => (
        <section key={run} aria-label={`Run ${run}`}>
          {groups.size > 1 && <h2 className="mt-4 text-xs font-medium text-faint">Run {run}</h2>}
          <ul aria-label={groups.size > 1 ? `Agents of run ${run}` : "Agents"}>
            {members.map((member) => (
              <AgentRunRow key={member.agent_run} agent={member} />
            ))}
          </ul>
        </section>
      ))}
      {list.hasNextPage && (
        <Button className="mt-3" disabled={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {list.isFetchingNextPage ? "Fetching …" : "Show more agents"}
        </Button>
      )}
      <LearningsFound id={job.job_id} />
    </div>
  );
}

const sumOf = (runs: readonly AgentRunView[], figure: "turns" | "cost_usd") =>
  runs.reduce((sum, run) => sum + run[figure], 0);

function AgentRunRow({ agent }: { agent: AgentRunView }) {
  const verdict = verdictOf(agent);
  return (
    <li className="lazy-row border-b hairline">
      <TranscriptLink
        place={{ run: agent.run, agentRun: agent.agent_run, turn: null }}
        className="grid grid-cols-[1rem_minmax(0,1fr)_auto] items-start gap-x-3 rounded-md px-1 py-2 hover:bg-sunken sm:px-2"
      >
        <Icon
          name={verdict.icon}
          className={`mt-0.5 ${verdict.ink} ${agent.status === "running" ? "turning" : ""}`}
        />
        <span className="min-w-0">
          <span className="flex flex-wrap items-baseline gap-x-2">
            <span className="font-medium">{agent.role}</span>
            <span className="text-xs text-muted">{placeOf(agent)}</span>
          </span>
          <span className="block text-xs text-faint">
            <span className="wrap-anywhere">
              {agent.provider}/{agent.model}
            </span>
            {" · "}
            <span className={verdict.ink}>{verdict.text}</span>
          </span>
          {verdict.summary && (
            <span className="mt-0.5 line-clamp-2 text-muted wrap-anywhere">{verdict.summary}</span>
          )}
        </span>
        <span className="text-right text-xs text-faint tabular-nums">
          <span className="block text-sm text-ink">{formatUsd(agent.cost_usd)}</span>
          {formatCount(agent.turns, "turn")} · <Elapsed since={agent.started_at} until={agent.ended_at} />
        </span>
      </TranscriptLink>
    </li>
  );
}

function NoAgents({ job }: { job: JobView }) {
  const outside = job.agent === "external";
  return (
    <Empty
      icon="speech"
      title={outside ? "No agents of the factory" : "No agent has worked yet"}
      text={
        outside
          ? "An external agent does this job. What it says of its work stands in the Live tab; what it was asked and answered, only it knows."
          : "Every question to a model and its answer appears here, turn by turn, as soon as an agent begins."
      }
    />
  );
}
