"use client";
// A tool call or a program as one grey line that opens in its place. What runs now, and what failed, is open by itself.
import { useId, useState } from "react";
import { TranscriptLink } from "@/components/transcripts/transcript-link";
import type { TranscriptPlace } from "@/components/transcripts/transcript-place";
import { cx } from "@/components/ui/cx";
import { FoldMark } from "@/components/ui/fold-mark";
import { formatDuration } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { Elapsed } from "@/components/ui/time";
import type { CommandLog } from "./log-model";
import { OutputView, TextView } from "./output-view";
import { TOOL_ICON } from "./tool-icon";

interface Props {
  tool: string;
  title: string;
  /** Undefined until the result was observed. */
  ok: boolean | undefined;
  observed: string | null;
  at: string;
  endedAt: string | null;
  command: CommandLog | undefined;
  /** Where the call of an agent stands; left out for what the factory itself runs. */
  place?: TranscriptPlace;
}

export function ToolRow({ tool, title, ok, observed, at, endedAt, command, place }: Props) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const id = useId();
  const end = endOf(ok, endedAt, command);
  const open = chosen ?? (command !== undefined && end === "running");
  const hasMore = command !== undefined || Boolean(observed) || place !== undefined;
  return (
    <div className={cx("lazy-row", place && "pl-6")}>
      <button
        type="button"
        disabled={!hasMore}
        aria-expanded={hasMore ? open : undefined}
        aria-controls={open ? id : undefined}
        onClick={() => setChosen(!open)}
        className="-mx-1 flex min-h-8 w-full items-center gap-2 rounded px-1 text-left text-muted enabled:hover:bg-sunken"
      >
        <Icon name={TOOL_ICON[tool] ?? "terminal"} className="text-faint" />
        <span className="min-w-0 flex-1 truncate font-mono text-xs" title={title}>
          {title || tool}
        </span>
        <End end={end} command={command} at={at} endedAt={endedAt} />
        <FoldMark open={open} className={cx("size-3 text-faint", !hasMore && "invisible")} />
      </button>
      {open && (
        <div id={id} className="mt-0.5 mb-2 overflow-hidden rounded-md border hairline bg-sunken/60">
          {command ? <OutputView command={command} /> : observed && <TextView text={observed} />}
          {command?.note && <p className="border-t hairline px-3 py-1.5 text-xs text-warn">{command.note}</p>}
          {place && (
            <p className="border-t hairline px-3 py-1.5 text-xs text-faint first:border-t-0">
              <TranscriptLink place={place} className="underline underline-offset-2 hover:text-ink">
                Turn {place.turn} in the transcript
              </TranscriptLink>
            </p>
          )}
        </div>
      )}
    </div>
  );
}

type EndKind = "running" | "ok" | "failed" | "dropped";

function endOf(ok: boolean | undefined, endedAt: string | null, command: CommandLog | undefined): EndKind {
  if (command && command.exitCode !== undefined) return command.exitCode === 0 ? "ok" : "failed";
  if (ok !== undefined) return ok ? "ok" : "failed";
  return endedAt || command?.droppedAt ? "dropped" : "running";
}

interface EndProps {
  end: EndKind;
  command: CommandLog | undefined;
  at: string;
  endedAt: string | null;
}

function End({ end, command, at, endedAt }: EndProps) {
  const code = command?.exitCode;
  return (
    <span className="shrink-0 text-xs text-faint tabular-nums">
      {end === "running" && <span className="text-run">running · </span>}
      {end === "failed" && (
        <span className="text-bad">{typeof code === "number" ? `exit ${code} · ` : "failed"}</span>
      )}
      {end === "dropped" && "interrupted"}
      {end !== "dropped" && <Took end={end} command={command} at={at} endedAt={endedAt} />}
    </span>
  );
}

function Took({ end, command, at, endedAt }: EndProps) {
  if (command?.durationMs != null) return formatDuration(command.durationMs / 1000);
  // The calls of a turn are answered together, so only programs have a time of their own.
  if (!command && end !== "running") return null;
  const since = command?.startedAt ?? at;
  return <Elapsed since={since} until={end === "running" ? null : (endedAt ?? since)} />;
}
