"use client";
import { TranscriptLink } from "@/components/transcripts/transcript-link";
import { cx } from "@/components/ui/cx";
import { Icon, type IconName } from "@/components/ui/icons";
import { isMoving } from "@/components/ui/job-state";
import { BoneRows, Empty } from "@/components/ui/states";
import { Elapsed } from "@/components/ui/time";
import type { JobView } from "@/server/domain/outputs";
import type { JobLog, TimelineStep } from "./log-model";
import { STEP_LABEL } from "./step-label";

/** The steps of this run in order, with how long each took and how it ended. */
export function JobTimeline({ log, job }: { log: JobLog; job: JobView }) {
  const groups = groupByTask(log.timeline);
  if (log.lastSeq === 0 && job.last_seq > 0)
    return <BoneRows rows={5} label="The timeline is being fetched" />;
  if (groups.length === 0) {
    return (
      <Empty icon="clock" title="Not begun" text="The steps appear here as soon as a worker takes the job." />
    );
  }
  return (
    <ol className="flex flex-col gap-4 lg:sticky lg:top-6 lg:max-h-[calc(100dvh-3rem)] lg:overflow-y-auto">
      {groups.map((group) => (
        <li key={group.key}>
          <p className="mb-1 text-xs font-medium text-faint">
            {group.task === null ? "Job" : `Task ${group.task}`}
          </p>
          <ol className="ml-2 border-l hairline">
            {group.steps.map((step) => (
              <TimelineRow key={step.key} step={step} run={log.run} moving={isMoving(job.status)} />
            ))}
          </ol>
        </li>
      ))}
    </ol>
  );
}

interface Group {
  key: string;
  task: number | null;
  steps: TimelineStep[];
}

function groupByTask(steps: readonly TimelineStep[]): Group[] {
  const groups: Group[] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (last && last.task === step.task) last.steps.push(step);
    else groups.push({ key: step.key, task: step.task, steps: [step] });
  }
  return groups;
}

function TimelineRow({ step, run, moving }: { step: TimelineStep; run: number; moving: boolean }) {
  const open = step.endedAt === null && moving;
  const look = lookOf(step, open);
  const name = (
    <>
      {STEP_LABEL[step.step]}
      {step.fix > 0 && <span className="text-faint"> {step.fix}</span>}
      <span className="sr-only">{look.said}</span>
    </>
  );
  return (
    <li className="-ml-2 flex h-8 items-center gap-2">
      <span className={cx("bg-ground py-1", look.ink)}>
        <Icon name={look.icon} className={open ? "turning" : undefined} />
      </span>
      <span className={cx("min-w-0 flex-1 truncate", open && "font-medium")}>
        {step.agentRun === null ? (
          name
        ) : (
          <TranscriptLink
            place={{ run, agentRun: step.agentRun, turn: null }}
            className="hover:underline hover:underline-offset-2"
          >
            {name}
            <span className="sr-only">, its transcript</span>
          </TranscriptLink>
        )}
      </span>
      <span className="text-xs text-faint">
        {(open || step.endedAt) && <Elapsed since={step.startedAt} until={step.endedAt} />}
      </span>
    </li>
  );
}

function lookOf(step: TimelineStep, open: boolean): { icon: IconName; ink: string; said: string } {
  if (step.passed === false) return { icon: "ringCross", ink: "text-bad", said: " failed" };
  if (open) return { icon: "arc", ink: "text-run", said: " is being done" };
  if (step.endedAt === null) return { icon: "dashed", ink: "text-idle", said: " interrupted" };
  return { icon: "ring", ink: "text-good", said: " done" };
}
