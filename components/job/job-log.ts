// Folds a job's events into what its page shows. Pure: the same events give the same log in whatever batches
// they arrive, and an event that was seen already changes nothing.

import type { JobEvent } from "@/server/domain/events";
import { isSettled } from "@/server/domain/job-state";
import { foldFeed } from "./fold-feed";
import { foldTimeline } from "./fold-timeline";
import type { JobLog, OpenLog } from "./log-model";

/**
 * Takes in the next events, which may repeat what is known.
 * @returns a new log; everything in it that did not change is the same object as before
 */
export function foldEvents(log: JobLog, events: readonly JobEvent[]): JobLog {
  const fresh = events.filter((event) => event.seq > log.lastSeq);
  if (fresh.length === 0) return log;
  const open: OpenLog = {
    ...log,
    events: [...log.events],
    timeline: [...log.timeline],
    rows: [...log.rows],
    waiting: [...log.waiting],
    places: new Map(log.places),
    commands: new Map(log.commands),
    doneTasks: new Set(log.doneTasks),
  };
  for (const event of fresh) if (event.seq > open.lastSeq) foldOne(open, event);
  return open;
}

function foldOne(log: OpenLog, event: JobEvent): void {
  if (event.run > log.run) beginRun(log, event.run);
  log.lastSeq = event.seq;
  log.events.push(event);
  foldFacts(log, event);
  foldTimeline(log, event);
  foldFeed(log, event);
}

/** A retry starts from the beginning; the rows of the life before stay readable above. */
function beginRun(log: OpenLog, run: number): void {
  log.run = run;
  log.timeline = [];
  log.doneTasks = new Set();
  log.progress = 0;
  log.iteration = 0;
}

function foldFacts(log: OpenLog, event: JobEvent): void {
  switch (event.type) {
    case "job.moved":
      log.state = event.data.to;
      if (isSettled(event.data.to)) log.workerId = null;
      return;
    case "job.step":
      log.progress = Math.max(log.progress, event.data.progress);
      log.iteration = event.data.iteration;
      return;
    case "lease.claimed":
      log.workerId = event.data.worker_id;
      return;
    case "lease.lost":
      log.workerId = null;
      return;
    case "spend.settled":
      log.costUsd = event.data.total_usd;
      return;
    case "task.done":
      log.doneTasks.add(event.data.n);
      return;
    default:
      return;
  }
}
