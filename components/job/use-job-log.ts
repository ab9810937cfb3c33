"use client";
// Keeps a job's stream open and folds what comes. Events are gathered for a moment, so that a flood of output
// costs one render and not one each.
import { useEffect, useRef, useState } from "react";
import { connect, type LineHandlers } from "@/components/live/connect";
import { setLineState } from "@/components/live/line-state";
import type { JobEvent } from "@/server/domain/events";
import { isSettled } from "@/server/domain/job-state";
import { foldEvents } from "./job-log";
import { EMPTY_LOG, type JobLog } from "./log-model";

const GATHER_MS = 40;

/** A stream event is only trusted to be one when it has its number and its name. */
function readEvent(data: string): JobEvent | null {
  const event = JSON.parse(data) as Partial<JobEvent> | null;
  return event && typeof event.seq === "number" && typeof event.type === "string"
    ? (event as JobEvent)
    : null;
}

/**
 * The log of a job, live.
 * @param epoch the number of the job's run, 0 while it is not known: a settled job's stream is opened again when a retry raises it
 * @param onEvents told of every gathered batch
 */
export function useJobLog(
  id: string,
  epoch: number,
  onEvents: (events: readonly JobEvent[]) => void,
): JobLog {
  // Every job has a first run: knowing its number later is no reason to open the stream a second time.
  const generation = Math.max(1, epoch);
  const [log, setLog] = useState<JobLog>(EMPTY_LOG);
  const current = useRef<JobLog>(EMPTY_LOG);
  const tell = useRef(onEvents);
  useEffect(() => {
    tell.current = onEvents;
  });
  useEffect(() => {
    let waiting: JobEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      const batch = waiting;
      waiting = [];
      current.current = foldEvents(current.current, batch);
      setLog(current.current);
      tell.current(batch);
    };
    const known = current.current.lastSeq;
    const handlers: LineHandlers = {
      onState: (state) => setLineState("job", state),
      onMessage: ({ event: name, data }) => {
        if (name === "resync") {
          current.current = EMPTY_LOG;
          waiting = [];
        }
        const event = readEvent(data);
        if (!event) return;
        waiting.push(event);
        timer ??= setTimeout(flush, GATHER_MS);
      },
      isOver: () => {
        const { state, run } = current.current;
        return state !== null && isSettled(state) && run >= generation;
      },
    };
    const line = connect(`/api/v1/jobs/${id}/events`, handlers, known > 0 ? String(known) : "");
    return () => {
      line.close();
      clearTimeout(timer);
      setLineState("job", null);
    };
  }, [id, generation]);
  return log;
}
