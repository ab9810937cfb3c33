// The part of the fold that makes the timeline: the steps of the present run with their durations and verdicts.

import type { JobEvent } from "@/server/domain/events";
import { isSettled } from "@/server/domain/job-state";
import type { Step } from "@/server/domain/steps";
import type { OpenLog } from "./job-log";

export interface TimelineStep {
  key: string;
  step: Step;
  task: number | null;
  iteration: number;
  startedAt: string;
  endedAt: string | null;
  /** Undefined while nothing was decided. */
  passed: boolean | undefined;
}

function changeLast(log: OpenLog, part: Partial<TimelineStep>): void {
  const last = log.timeline.at(-1);
  if (last && last.endedAt === null) log.timeline[log.timeline.length - 1] = { ...last, ...part };
}

/** Writes what one event adds to the timeline. */
export function foldTimeline(log: OpenLog, event: JobEvent): void {
  if (event.type === "job.step") {
    const { step, task, iteration } = event.data;
    const last = log.timeline.at(-1);
    // A step that is begun again after a lost lease goes on in its line.
    if (last?.endedAt === null && last.step === step && last.task === task && last.iteration === iteration)
      return;
    changeLast(log, { endedAt: event.at });
    log.timeline.push({
      key: `${event.seq}`,
      step,
      task,
      iteration,
      startedAt: event.at,
      endedAt: null,
      passed: undefined,
    });
  }
  if (event.type === "check.finished") changeLast(log, { passed: event.data.passed });
  if (event.type === "job.moved" && (isSettled(event.data.to) || event.data.to === "escalated")) {
    const failed = event.data.to === "failed" || event.data.to === "escalated";
    changeLast(log, { endedAt: event.at, ...(failed && { passed: false }) });
  }
}
