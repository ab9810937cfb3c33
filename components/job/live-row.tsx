"use client";
// One row of the Live tab. Rows are compared by identity: only what changed is drawn again.
import { memo } from "react";
import { TranscriptLink } from "@/components/transcripts/transcript-link";
import { cx } from "@/components/ui/cx";
import { formatCount, formatUsd } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { STATE_LOOK } from "@/components/ui/job-state";
import { Ago, Elapsed } from "@/components/ui/time";
import type {
  AgentRow,
  CheckRow,
  FeedRow,
  HealRow,
  MoveRow,
  NoteRow,
  StepRow,
  SummaryRow,
  TextRow,
} from "./feed-row";
import type { CommandLog } from "./log-model";
import { SaidCard } from "./said-card";
import { STEP_LABEL } from "./step-label";
import { ToolRow } from "./tool-row";

export const LiveRow = memo(function LiveRow({
  row,
  command,
}: {
  row: FeedRow;
  command: CommandLog | undefined;
}) {
  switch (row.kind) {
    case "step":
      return <StepLine row={row} />;
    case "agent":
      return <AgentLine row={row} />;
    case "text":
      return <TextLine row={row} />;
    case "summary":
      return <SummaryLine row={row} />;
    case "call":
      return (
        <ToolRow
          tool={row.tool}
          title={row.title}
          ok={row.ok}
          observed={row.observed}
          at={row.at}
          endedAt={row.endedAt}
          command={command}
          place={row.place}
        />
      );
    case "command":
      return (
        command && (
          <ToolRow
            tool="run"
            title={command.title}
            ok={undefined}
            observed={null}
            at={row.at}
            endedAt={null}
            command={command}
          />
        )
      );
    case "check":
      return <CheckLine row={row} />;
    case "heal":
      return <HealCard row={row} />;
    case "said":
      return <SaidCard row={row} />;
    case "note":
      return <NoteLine row={row} />;
    case "move":
      return <MoveLine row={row} />;
  }
});

function StepLine({ row }: { row: StepRow }) {
  return (
    <h3 className="mt-6 mb-1 flex items-baseline gap-2 border-b hairline pb-1.5 font-semibold first:mt-0">
      {STEP_LABEL[row.step]}
      {row.task !== null && <span className="font-normal text-muted">task {row.task}</span>}
      <span className="ml-auto text-xs font-normal text-faint">
        <Ago at={row.at} />
      </span>
    </h3>
  );
}

function AgentLine({ row }: { row: AgentRow }) {
  return (
    <div className="lazy-row mt-2 flex min-h-9 flex-wrap items-center gap-x-2 py-1">
      <Icon name="spark" className={row.ok === false ? "text-bad" : row.ok ? "text-muted" : "text-run"} />
      <span className="font-medium">{row.role}</span>
      <span className="text-xs text-faint">{row.model}</span>
      <span className="ml-auto text-xs text-faint tabular-nums">
        {row.turns > 0 && `${formatCount(row.turns, "turn")} · `}
        {row.costUsd !== null && `${formatUsd(row.costUsd)} · `}
        <Elapsed since={row.at} until={row.endedAt} />
        {" · "}
        <TranscriptLink
          place={row.place}
          label={`Transcript of ${row.place.agentRun}`}
          className="underline underline-offset-2 hover:text-ink"
        >
          transcript
        </TranscriptLink>
      </span>
    </div>
  );
}

function TextLine({ row }: { row: TextRow }) {
  return <p className="lazy-row max-w-[80ch] py-1 pl-6 whitespace-pre-wrap wrap-anywhere">{row.text}</p>;
}

function SummaryLine({ row }: { row: SummaryRow }) {
  return (
    <p
      className={cx(
        "lazy-row flex max-w-[80ch] items-start gap-2 py-1 pl-6",
        row.ok ? "text-muted" : "text-bad",
      )}
    >
      <Icon name="flag" className="mt-0.5 text-faint" />
      <span className="min-w-0 whitespace-pre-wrap wrap-anywhere">{row.text}</span>
    </p>
  );
}

function CheckLine({ row }: { row: CheckRow }) {
  const wasRed = row.known && !row.passed;
  return (
    <div
      className={cx(
        "lazy-row flex min-h-9 items-center gap-2 py-1",
        row.passed ? "text-good" : wasRed ? "text-warn" : "text-bad",
      )}
    >
      <Icon name={row.passed ? "check" : wasRed ? "warning" : "cross"} />
      <span className="min-w-0 wrap-anywhere">
        <span className="font-medium">
          {row.check} {row.passed ? "passed" : wasRed ? "is red already" : "failed"}
        </span>
        {row.summary && <span className="text-muted"> · {row.summary}</span>}
      </span>
    </div>
  );
}

function HealCard({ row }: { row: HealRow }) {
  return (
    <div className="my-2 rounded-md border border-warn/40 bg-warn/5 px-3 py-2">
      <p className="flex items-center gap-2 font-medium text-warn">
        <Icon name="wrench" />
        Fix {row.n} of {row.max}
        <span className="ml-auto text-xs font-normal">{row.result}</span>
      </p>
      <dl className="mt-1.5 grid max-w-[80ch] grid-cols-[5.5rem_minmax(0,1fr)] gap-x-3 gap-y-1">
        <HealFact label="Failing" text={row.failing} />
        <HealFact label="Root cause" text={row.rootCause} />
        <HealFact label="Changed" text={row.files.join(", ")} />
      </dl>
    </div>
  );
}

function HealFact({ label, text }: { label: string; text: string }) {
  if (!text) return null;
  return (
    <>
      <dt className="text-xs leading-5 text-faint">{label}</dt>
      <dd className="line-clamp-6 whitespace-pre-wrap wrap-anywhere">{text}</dd>
    </>
  );
}

function NoteLine({ row }: { row: NoteRow }) {
  return (
    <p
      className={cx(
        "lazy-row flex min-h-7 items-start gap-2 py-1 text-xs",
        row.tone === "warn" ? "text-warn" : "text-faint",
      )}
    >
      <Icon name={row.tone === "warn" ? "warning" : "dot"} className="size-3.5 mt-px" />
      <span className="min-w-0 wrap-anywhere">{row.text}</span>
    </p>
  );
}

function MoveLine({ row }: { row: MoveRow }) {
  const look = STATE_LOOK[row.to];
  return (
    <p className={cx("lazy-row flex min-h-9 items-start gap-2 py-2 font-medium", look.ink)}>
      <Icon name={look.icon} className="mt-0.5" />
      <span className="min-w-0 wrap-anywhere">{row.text}</span>
    </p>
  );
}
