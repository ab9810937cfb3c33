// What an external agent says of its work goes into the job's log, in order and once. Nothing follows from it: money is
// counted where it is spent, tasks are read from the files, and whether the work is done is computed.
import type { ExternalEvent } from "../../../runner/protocol";
import { type Db, runStatement, type Tx } from "../../db";
import { AppError } from "../../domain/errors";
import type { NewJobEvent } from "../../domain/events";
import { PROGRESS } from "../../domain/steps";
import { ANNOUNCED, appending } from "../../events/append";
import { type Job, Prisma } from "../../generated/prisma/client";
import { stepChange } from "../jobs/set-step";
import { redactAll } from "../redact";
import { holdExternal, type LeaseCall, leaseRow } from "./external-lease";

/** Of one lease; an agent that says more is heard, but no longer written down. */
export const MAX_KEPT_EVENTS = 5_000;
const MOST_ITERATIONS = 1_000_000;

export interface ExternalReport extends LeaseCall {
  /** Number of the first event within the lease. */
  first: number;
  events: readonly ExternalEvent[];
}

/**
 * Stores what is new of a report.
 * @returns the number of the event that is expected next
 * @throws AppError as holdExternal; `conflict` when an event before these is missing
 */
export async function reportExternal(db: Db, report: ExternalReport): Promise<{ next: number }> {
  return db.$transaction(async (tx) => {
    const job = await holdExternal(tx, report);
    const { nextEvent, kept } = await leaseRow(tx, job);
    if (report.first > nextEvent) throw new AppError("conflict", `Event ${nextEvent} is missing.`);
    const fresh = report.events.slice(nextEvent - report.first);
    const next = nextEvent + fresh.length;
    if (fresh.length === 0) return { next };
    const wanted = fresh.slice(0, Math.max(0, MAX_KEPT_EVENTS - kept));
    await append(tx, job, wanted, wanted.length < fresh.length && kept <= MAX_KEPT_EVENTS);
    await tx.$executeRaw`
      UPDATE external_lease SET next_event = ${next}::int, kept = ${kept + fresh.length}::int
      WHERE job_id = ${job.id} AND fence = ${job.fence}::int`;
    return { next };
  });
}

async function append(tx: Tx, job: Job, events: readonly ExternalEvent[], isFull: boolean): Promise<void> {
  const said = redactAll(events.map(toJobEvent));
  if (isFull) {
    const text = `The external agent has said more than ${MAX_KEPT_EVENTS} things; what follows is not kept.`;
    said.push({ type: "job.note", data: { text } });
  }
  const iteration = events.reduce((most, event) => (event.type === "iteration" ? event.n : most), 0);
  const step = stepChange(job, {
    step: "generate",
    progress: PROGRESS.planned,
    iteration: Math.min(MOST_ITERATIONS, iteration),
  });
  const all = [...said, ...step.events];
  if (all.length === 0) return;
  await runStatement(
    tx,
    Prisma.sql`WITH ${appending(Prisma.sql`SELECT ${job.id}::bigint`, all, step.set)} ${ANNOUNCED}`,
  );
}

function toJobEvent({ type, ...data }: ExternalEvent): NewJobEvent {
  // The two unions have the same members under two names, which the types of neither can say.
  return { type: `external.${type}`, data } as NewJobEvent;
}
