"use client";
// One turn: what people said before it, what the model thought and answered, what it called and saw, and what that cost.
import { memo, useEffect, useRef } from "react";
import { cx } from "@/components/ui/cx";
import { formatDuration, formatUsd } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import type { AgentRunView, TurnView } from "@/server/domain/transcripts";
import { CallRow } from "./call-row";
import { Folded, TextBlock } from "./folded";
import type { ModelNote } from "./model-notes";
import { NoteLine } from "./note-line";
import { TranscriptLink } from "./transcript-link";

interface Props {
  turn: TurnView;
  agent: Pick<AgentRunView, "run" | "agent_run" | "provider" | "model">;
  notes: readonly ModelNote[];
  /** Whether the address asks for this turn. */
  wanted: boolean;
  openAll: boolean;
}

export const TurnCard = memo(
  function TurnCard({ turn, agent, notes, wanted, openAll }: Props) {
    const place = useRef<HTMLElement>(null);
    useEffect(() => {
      if (wanted) place.current?.scrollIntoView();
    }, [wanted]);
    return (
      <section
        ref={place}
        id={`turn-${turn.turn}`}
        aria-label={`Turn ${turn.turn}`}
        className={cx(
          "scroll-mt-24 border-t hairline py-3 lg:scroll-mt-12",
          wanted && "-mx-3 rounded-md bg-accent/6 px-3",
        )}
      >
        <TurnHead turn={turn} agent={agent} />
        {notes.map((note) => (
          <NoteLine key={note.key} tone="warn">
            {note.text}
          </NoteLine>
        ))}
        {turn.said.map((said) => (
          <Said key={`${said.author} ${said.text}`} {...said} />
        ))}
        {turn.thinking && (
          <Folded
            label="Thinking"
            detail={`${turn.thinking.length.toLocaleString("en")} characters`}
            open={wanted}
          >
            <TextBlock text={turn.thinking} prose />
          </Folded>
        )}
        {turn.text.trim() !== "" && (
          <p className="max-w-[80ch] py-1 whitespace-pre-wrap wrap-anywhere">{turn.text.trim()}</p>
        )}
        {turn.calls.map((call) => (
          <CallRow
            key={call.id}
            call={call}
            result={turn.results.find(({ id }) => id === call.id)}
            pending={turn.finished_at === null}
            openAll={openAll || wanted}
          />
        ))}
        <TurnEnd turn={turn} />
      </section>
    );
  },
  (before, after) =>
    before.turn === after.turn &&
    before.wanted === after.wanted &&
    before.openAll === after.openAll &&
    before.notes.length === after.notes.length,
);

const timeOf = (iso: string) => new Date(iso).toLocaleTimeString("en-GB");

function TurnHead({ turn, agent }: Pick<Props, "turn" | "agent">) {
  const { usage } = turn;
  const cached = usage.cache_read + usage.cache_write;
  const asked = usage.input + cached;
  const ran =
    turn.finished_at === null
      ? null
      : (Date.parse(turn.finished_at) - Date.parse(turn.asked_at) - turn.model_ms) / 1000;
  const other = turn.model !== agent.model || turn.provider !== agent.provider;
  return (
    <p className="flex flex-wrap items-baseline gap-x-3 text-xs text-faint tabular-nums">
      <TranscriptLink
        place={{ run: agent.run, agentRun: agent.agent_run, turn: turn.turn }}
        className="text-sm font-medium text-ink hover:underline"
      >
        Turn {turn.turn}
      </TranscriptLink>
      <time
        dateTime={turn.asked_at}
        title={new Date(turn.asked_at).toLocaleString()}
        suppressHydrationWarning
      >
        {timeOf(turn.asked_at)}
      </time>
      <span title="How long the model took">model {formatDuration(turn.model_ms / 1000)}</span>
      {ran !== null && turn.calls.length > 0 && (
        <span title="From the answer until its calls were carried out">
          calls {formatDuration(Math.max(0, ran))}
        </span>
      )}
      <span
        title={`${usage.input} new, ${usage.cache_read} read from and ${usage.cache_write} written to a cache`}
      >
        {asked.toLocaleString("en")} tokens in
        {usage.cache_read > 0 && `, ${usage.cache_read.toLocaleString("en")} of them cached`}
      </span>
      <span>{usage.output.toLocaleString("en")} out</span>
      <span>{formatUsd(turn.cost_usd)}</span>
      {other && (
        <span className="text-warn">
          answered by {turn.provider}/{turn.model}
        </span>
      )}
    </p>
  );
}

function Said({ author, text }: { author: string; text: string }) {
  return (
    <div className="my-2 max-w-[80ch] rounded-md border hairline bg-sunken/60 px-3 py-2">
      <p className="flex items-center gap-2 text-xs text-muted">
        <Icon name="speech" className="text-faint" />
        <span className="font-medium text-ink">{author}</span> said before this turn
      </p>
      <p className="mt-1 whitespace-pre-wrap wrap-anywhere">{text}</p>
    </div>
  );
}

const STOPS: Record<string, string> = {
  max_tokens: "The answer was as long as it may be and was cut there.",
  refusal: "The model refused to answer.",
};

/** What the factory did with the turn. */
function TurnEnd({ turn }: { turn: TurnView }) {
  return (
    <>
      {STOPS[turn.stop] && <NoteLine tone="warn">{STOPS[turn.stop]}</NoteLine>}
      {turn.attempt > 0 && (
        <NoteLine>
          Its calls were begun again {turn.attempt === 1 ? "once" : `${turn.attempt} times`}, in a new
          sandbox.
        </NoteLine>
      )}
      {turn.nudge && <NoteLine tone="warn">The factory said to it: {turn.nudge}</NoteLine>}
      {turn.commit && (
        <NoteLine>
          Committed as <code className="font-mono">{turn.commit.slice(0, 10)}</code>
        </NoteLine>
      )}
    </>
  );
}
