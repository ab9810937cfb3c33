"use client";
// One agent run from what it was given to what it handed in. Turns are fetched in pages, and only those that are near.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { Button } from "@/components/ui/button";
import { formatCount, formatUsd } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import { Elapsed } from "@/components/ui/time";
import type { JobEvent } from "@/server/domain/events";
import type { AgentRunView } from "@/server/domain/transcripts";
import { AgentPrompt } from "./agent-prompt";
import { placeOf, verdictOf } from "./agent-verdict";
import { ExportLink } from "./export-link";
import { Folded, TextBlock } from "./folded";
import { LearningsTold } from "./learnings-told";
import { modelNotes } from "./model-notes";
import { NoteLine } from "./note-line";
import { TranscriptLink } from "./transcript-link";
import { PAGE_TURNS, TurnPages } from "./turn-pages";

interface Props {
  id: string;
  place: { run: number; agentRun: string; turn: number | null };
  events: readonly JobEvent[];
}

export function AgentRunPage({ id, place, events }: Props) {
  const trpc = useTRPC();
  const [openAll, setOpenAll] = useState(false);
  const { run, agentRun: key, turn: wanted } = place;
  const first = useQuery(trpc.transcripts.turns.queryOptions({ id, key, run, cursor: 0, limit: PAGE_TURNS }));
  if (first.isPending) return <BoneRows rows={8} label="The transcript is being fetched" />;
  if (first.isError) {
    if (readFault(first.error).httpStatus !== 404)
      return <ErrorNote error={first.error} onRetry={() => first.refetch()} />;
    return (
      <Empty
        icon="search"
        title="There is no such agent"
        text={`No agent of run ${run} of this job is called ${key}.`}
      >
        <TranscriptLink place={null} className="underline underline-offset-2">
          Show all agents
        </TranscriptLink>
      </Empty>
    );
  }
  const { agent_run: agent, prompt, turns } = first.data;
  const expired = prompt === null || turns.some((turn) => turn.expired);
  const notes = modelNotes(events, { run, agentRun: key });
  return (
    <article aria-label={`Transcript of ${key}`} className="max-w-[68rem]">
      <AgentHead id={id} agent={agent} />
      {expired ? <Expired /> : prompt && <AgentPrompt prompt={prompt} />}
      <LearningsTold id={id} run={run} agentRun={key} />
      {wanted !== null && wanted > agent.turns && agent.status !== "running" && (
        <NoteLine tone="warn">
          This agent has no turn {wanted}: it ended after {formatCount(agent.turns, "turn")}.
        </NoteLine>
      )}
      <div className="mt-5 flex min-h-9 items-center justify-between gap-4">
        <h3 className="font-semibold">Turns</h3>
        {!expired && agent.turns > 0 && (
          <Button kind="quiet" onClick={() => setOpenAll(!openAll)}>
            {openAll ? "Close all calls" : "Open all calls"}
          </Button>
        )}
      </div>
      <TurnPages id={id} agent={agent} first={first.data} wanted={wanted} notes={notes} openAll={openAll} />
      <AgentEnd agent={agent} notes={notes.filter((note) => note.turn > agent.turns)} />
    </article>
  );
}

function AgentHead({ id, agent }: { id: string; agent: AgentRunView }) {
  const verdict = verdictOf(agent);
  const top = useRef<HTMLElement>(null);
  // Whoever comes from far down the Live tab begins at the beginning.
  useEffect(() => {
    if ((top.current?.getBoundingClientRect().top ?? 0) < 0) top.current?.scrollIntoView();
  }, []);
  return (
    <header ref={top} className="scroll-mt-24 border-b hairline pb-3 lg:scroll-mt-12">
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-2">
        <div className="min-w-0">
          <TranscriptLink
            place={null}
            className="inline-flex min-h-6 items-center gap-1 text-xs text-muted hover:text-ink hover:underline"
          >
            <Icon name="right" className="size-3 rotate-180" />
            All agents
          </TranscriptLink>
          <h2 className="text-base font-semibold">
            {agent.role} <span className="font-normal text-muted">{placeOf(agent)}</span>
          </h2>
        </div>
        <ExportLink id={id} />
      </div>
      <p className="mt-1 flex flex-wrap items-center gap-x-2 text-xs text-muted tabular-nums">
        <span className={`inline-flex items-center gap-1.5 font-medium ${verdict.ink}`}>
          <Icon name={verdict.icon} className={agent.status === "running" ? "turning" : undefined} />
          {verdict.text}
        </span>
        <span className="wrap-anywhere">
          {agent.provider}/{agent.model}
        </span>
        <span>
          · {formatCount(agent.turns, "turn")} · {formatUsd(agent.cost_usd)} ·{" "}
          <Elapsed since={agent.started_at} until={agent.ended_at} />
          {agent.run > 1 && ` · run ${agent.run}`}
        </span>
      </p>
    </header>
  );
}

function AgentEnd({
  agent,
  notes,
}: {
  agent: AgentRunView;
  notes: readonly { key: number; text: string }[];
}) {
  const verdict = verdictOf(agent);
  if (agent.status === "running")
    return (
      <div className="border-t hairline pt-3" role="status">
        {notes.map((note) => (
          <NoteLine key={note.key} tone="warn">
            {note.text}
          </NoteLine>
        ))}
        <p className="flex items-center gap-2 text-muted">
          <Icon name="arc" className="turning text-run" />
          Turn {agent.turns + 1} is under way.
        </p>
      </div>
    );
  return (
    <section aria-label="End" className="border-t hairline pt-3">
      {notes.map((note) => (
        <NoteLine key={note.key} tone="warn">
          {note.text}
        </NoteLine>
      ))}
      <p className={`flex items-start gap-2 ${verdict.ink}`}>
        <Icon name={verdict.icon} className="mt-0.5" />
        <span className="min-w-0 max-w-[80ch] whitespace-pre-wrap wrap-anywhere">
          <span className="font-medium">
            {verdict.text.charAt(0).toUpperCase()}
            {verdict.text.slice(1)}
          </span>
          {verdict.summary && <span className="text-ink"> · {verdict.summary}</span>}
        </span>
      </p>
      {agent.result !== null && (
        <Folded label="What it handed in">
          <TextBlock text={JSON.stringify(agent.result, null, 2)} />
        </Folded>
      )}
    </section>
  );
}

function Expired() {
  return (
    <div className="mt-4 flex max-w-[80ch] items-start gap-2 rounded-md border hairline bg-sunken/60 px-3 py-2">
      <Icon name="clock" className="mt-0.5 text-faint" />
      <p>
        What was asked and answered here is not kept any more. The texts of a job are removed some time after
        its end (<code className="font-mono text-xs">TRANSCRIPT_DAYS</code>, 90 days unless somebody changed
        it). Its figures, results and checks stay.
      </p>
    </div>
  );
}
