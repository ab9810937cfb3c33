// The part of the fold that makes the timeline: the steps of the present run with their durations and verdicts.

import type { JobEvent } from "@/server/domain/events";
import { isSettled } from "@/server/domain/job-state";
import type { OpenLog, TimelineStep } from "./log-model";

function changeLast(log: OpenLog, part: Partial<TimelineStep>): void {
  const last = log.timeline.at(-1);
  if (last && last.endedAt === null) log.timeline[log.timeline.length - 1] = { ...last, ...part };
}

function fixesOf(log: OpenLog, task: number | null): number {
  return log.timeline.filter((entry) => entry.step === "fix" && entry.task === task).length;
}

/**
 * Whether a check that ends now looked at the base of a change and not at the job's work: linters and tests
 * run while a job is set up for no other reason.
 */
export function isOfBase(log: Pick<OpenLog, "timeline">, check: string): boolean {
  return log.timeline.at(-1)?.step === "setup" && (check === "lint" || check === "test");
}

/** Writes what one event adds to the timeline. */
export function foldTimeline(log: OpenLog, event: JobEvent): void {
  if (event.type === "job.step") {
    const { step, task } = event.data;
    const last = log.timeline.at(-1);
    // A step tells of its progress at its end too, and of its beginning again after a lost lease.
    if (last?.endedAt === null && last.step === step && last.task === task) return;
    changeLast(log, { endedAt: event.at });
    log.timeline.push({
      key: `${event.seq}`,
      step,
      task,
      fix: step === "fix" ? fixesOf(log, task) + 1 : 0,
      startedAt: event.at,
      endedAt: null,
      passed: undefined,
      agentRun: null,
    });
  }
  if (event.type === "agent.started") changeLast(log, { agentRun: event.data.agent_run });
  if (event.type === "check.finished" && !isOfBase(log, event.data.kind))
    changeLast(log, { passed: event.data.passed });
  if (event.type === "job.moved" && (isSettled(event.data.to) || event.data.to === "escalated")) {
    const failed = event.data.to === "failed" || event.data.to === "escalated";
    changeLast(log, { endedAt: event.at, ...(failed && { passed: false }) });
  }
}
