"use client";
// The tab that shows the ways in which a job was worked out beside each other: columns where there is room, cards
// one below the other where there is not. Rows of a figure are in line over all columns.
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import type { ReactNode } from "react";
import { useTRPC } from "@/components/api/trpc";
import { cx } from "@/components/ui/cx";
import { formatCount, formatDuration, formatUsd } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { StateBadge } from "@/components/ui/job-state";
import { ProgressBar } from "@/components/ui/progress";
import { Empty } from "@/components/ui/states";
import { isSettled } from "@/server/domain/job-state";
import type { CandidateView } from "@/server/domain/outputs";
import { STEP_LABEL } from "./step-label";
import type { TabProps } from "./tab-props";

/** How often candidates that are under way are looked at again: their own events do not come to this page. */
const LOOK_AGAIN_MS = 4_000;

export function TabCandidates({ job, detail }: TabProps) {
  const { candidates } = detail;
  const trpc = useTRPC();
  const open = candidates.some(({ status }) => !isSettled(status));
  useQuery({
    ...trpc.jobs.detail.queryOptions({ id: job.job_id }),
    refetchInterval: open ? LOOK_AGAIN_MS : false,
  });
  if (candidates.length === 0)
    return (
      <Empty
        icon="branch"
        title="No candidates yet"
        text={`The plan comes first. Then it is worked out ${job.candidates} times side by side, and the best is kept.`}
      />
    );
  const chosen = candidates.find((one) => one.chosen);
  return (
    <div>
      <p className="mb-4 flex items-start gap-2">
        <Icon
          name={chosen ? "check" : "clock"}
          className={cx("mt-0.5", chosen ? "text-good" : "text-muted")}
        />
        <span>{headline(candidates, chosen)}</span>
      </p>
      <div className="-mx-4 grid overflow-x-auto border-t hairline px-4 sm:mx-0 sm:px-0 lg:grid-flow-col lg:auto-cols-[minmax(12.5rem,1fr)] lg:grid-rows-[repeat(13,auto)]">
        {candidates.map((one, at) => (
          <Candidate key={one.job_id} candidate={one} first={at === 0} />
        ))}
      </div>
    </div>
  );
}

function headline(candidates: readonly CandidateView[], chosen: CandidateView | undefined): string {
  if (chosen) return `Candidate ${chosen.n} was kept: it ${chosen.why}.`;
  const over = candidates.filter(({ status }) => isSettled(status)).length;
  if (over < candidates.length)
    return `${over} of ${formatCount(candidates.length, "candidate")} ${over === 1 ? "is" : "are"} over. The best is kept when all are.`;
  const judged = candidates.some(({ why }) => why !== null);
  return judged
    ? "None of the candidates came to a green end."
    : "All candidates are over; the best is being chosen.";
}

const NONE = <span className="text-faint">–</span>;

/** One candidate. On wide screens its rows are those of the grid around it. */
function Candidate({ candidate, first }: { candidate: CandidateView; first: boolean }) {
  const { n, job_id, tests, held_back, lint, diff, duration_seconds: took } = candidate;
  return (
    <article
      aria-label={`Candidate ${n}`}
      className={cx(
        "grid content-start border-b hairline py-4 lg:row-span-13 lg:grid-rows-subgrid lg:border-b-0 lg:px-4",
        first ? "lg:pl-0" : "lg:border-l",
      )}
    >
      <h3 className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1">
        <Link href={`/jobs/${job_id}`} className="font-semibold hover:underline">
          Candidate {n}
        </Link>
        <StateBadge state={candidate.status} />
      </h3>
      <p className="mt-1 min-h-5 wrap-anywhere text-muted">
        {candidate.approach ?? "No approach of its own"}
      </p>
      <Verdict candidate={candidate} />
      <Figure label="Held-back tests">{counts(held_back)}</Figure>
      <Figure label="Own tests">{counts(tests)}</Figure>
      <Figure label="Lint problems">{lint ?? NONE}</Figure>
      <Figure label="Lines changed">
        {diff ? (
          <>
            +{diff.added} −{diff.removed}
            <span className="text-faint"> · {formatCount(diff.files, "file")}</span>
          </>
        ) : (
          NONE
        )}
      </Figure>
      <Figure label="Cost">{formatUsd(candidate.cost_usd)}</Figure>
      <Figure label="Turns">{candidate.turns}</Figure>
      <Figure label="Duration">{took === null ? NONE : formatDuration(took)}</Figure>
      <Figure label="Model">
        <span className="normal-nums wrap-anywhere">{candidate.model}</span>
      </Figure>
      <p className="mt-3 wrap-anywhere text-muted">{candidate.why ? asSentence(candidate.why) : null}</p>
      <p className="mt-2 flex gap-4">
        <Link href={`/jobs/${job_id}`} className="underline underline-offset-2">
          Open
        </Link>
        <Link href={`/jobs/${job_id}?tab=changes`} className="underline underline-offset-2">
          Changes
        </Link>
      </p>
    </article>
  );
}

/** Whether it was kept; how far it is while nobody knows. */
function Verdict({
  candidate: { chosen, status, progress, current_step: step, n },
}: {
  candidate: CandidateView;
}) {
  if (chosen)
    return (
      <p className="mt-2 mb-3 flex items-center gap-1.5 font-medium text-good">
        <Icon name="check" /> Kept
      </p>
    );
  if (isSettled(status)) return <p className="mt-2 mb-3 text-faint">Not kept</p>;
  return (
    <div className="mt-2 mb-3">
      <ProgressBar value={progress} label={`Progress of candidate ${n}`} />
      <p className="mt-1 text-xs text-faint">{step ? STEP_LABEL[step] : "Waits for a worker"}</p>
    </div>
  );
}

function Figure({ label, children }: { label: string; children: ReactNode }) {
  return (
    <p className="flex items-baseline justify-between gap-3 border-t hairline py-1.5">
      <span className="text-xs text-faint">{label}</span>
      <span className="min-w-0 text-right tabular-nums">{children}</span>
    </p>
  );
}

function counts(tests: CandidateView["tests"]): ReactNode {
  if (!tests) return NONE;
  const { passed, failed } = tests;
  return (
    <span className={failed > 0 ? "text-bad" : undefined}>
      {passed} of {passed + failed} passed
    </span>
  );
}

const asSentence = (text: string) =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
