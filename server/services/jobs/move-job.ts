// The only writer of job state (invariant 1): compare-and-set on the allowed sources plus the event, in one transaction.
import type { Tx } from "../../db";
import { AppError } from "../../domain/errors";
import type { NewJobEvent } from "../../domain/events";
import {
  EXECUTING,
  isSettled,
  type JobMove,
  type JobState,
  NEW_RUN,
  nextState,
} from "../../domain/job-state";
import { HEAD_RANK, rankOf } from "../../domain/priority";
import { appendEvents } from "../../events/append";
import type { Job, Prisma } from "../../generated/prisma/client";
import { addToOutbox } from "../outbox/add-to-outbox";
import { announceClaimable } from "../queue/announce-claimable";
import { endLease } from "../queue/end-lease";
import { openDependency, wakeDependents } from "./wake-dependents";

export interface Move {
  /** Internal id. */
  job: bigint;
  move: JobMove;
  /** Who did it: "person:<username>", "worker:<id>" or "factory". */
  actor: string;
  reason?: string;
  /** Further columns that belong to this move. */
  set?: Prisma.JobUpdateInput;
  /** Further events of the same moment, logged after the move. */
  events?: readonly NewJobEvent[];
}

/**
 * Moves a job along the state table.
 * @returns the job as it is now
 * @throws AppError `conflict` when the table does not allow the move from the present state
 */
export async function moveJob(tx: Tx, { job, move, actor, reason, set, events = [] }: Move): Promise<Job> {
  await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${job} FOR UPDATE`;
  const before = await tx.job.findUniqueOrThrow({ where: { id: job } });
  const to = nextState(before.state, move, before.resumeState);
  if (!to) {
    throw new AppError("conflict", `${before.publicId} is ${before.state}; "${move}" is not possible now.`);
  }
  if (!EXECUTING[to]) await endLease(tx, before, `job is ${to}`, to);
  const now = new Date();
  const unleased = before.leaseWorkerId === null || !EXECUTING[before.state];
  const waits = to === "pending" ? await openDependency(tx, job) : null;
  const claimable = EXECUTING[to] && unleased && waits === null;
  const { count } = await tx.job.updateMany({
    where: { id: job, state: before.state },
    data: {
      state: to,
      resumeState: to === "paused" ? before.state : null,
      claimable,
      ...placeInQueue(before, move, to, now, waits),
      ...(move === "first_claim" ? { startedAt: before.startedAt ?? now } : {}),
      ...(isSettled(to) ? { completedAt: now, currentStep: null, waitingReason: null } : {}),
      ...(NEW_RUN.includes(move) ? freshRun(before) : {}),
      ...(set as Prisma.JobUpdateManyMutationInput | undefined),
    },
  });
  if (count === 0)
    throw new AppError("conflict", `${before.publicId} changed at the same moment; try again.`);
  await appendEvents(tx, job, [
    { type: "job.moved", data: { from: before.state, to, move, actor, reason: reason ?? null } },
    ...events,
  ]);
  await tellEngine(tx, before, move, to, reason ?? to);
  if (claimable) await announceClaimable(tx);
  if (isSettled(to)) await wakeDependents(tx, job, to);
  return tx.job.findUniqueOrThrow({ where: { id: job } });
}

/** What had begun goes on at the head of the queue; what had not keeps its turn, or gets one. */
function placeInQueue(
  before: Job,
  move: JobMove,
  to: JobState,
  now: Date,
  waits: string | null,
): Prisma.JobUpdateManyMutationInput {
  if (to === "pending") {
    const queuedAt = move === "resume" ? (before.queuedAt ?? now) : now;
    return { queuedAt, rank: rankOf(before.priority, queuedAt), waitingReason: waits };
  }
  return move === "resume" ? { rank: HEAD_RANK, waitingReason: null } : {};
}

/** A retry begins from the beginning; what was committed stays in the workspace. */
function freshRun(before: Job): Prisma.JobUpdateManyMutationInput {
  return {
    run: before.run + 1,
    rounds: 0,
    progress: 0,
    iterations: 0,
    currentStep: null,
    engineRunId: null,
    deliveryBegan: false,
    errorCode: null,
    errorMessage: null,
    completedAt: null,
    leasedMs: 0,
  };
}

/** Functions of a run that can never go on are ended; a paused one is woken when it goes on. */
async function tellEngine(tx: Tx, before: Job, move: JobMove, to: JobState, reason: string): Promise<void> {
  const data = { job: before.publicId, run: before.run };
  if (to === "cancelled" || to === "failed" || to === "escalated") {
    await addToOutbox(
      tx,
      "job/stopped",
      { ...data, reason },
      `stopped:${before.publicId}:${before.run}:${to}`,
    );
  } else if (move === "resume") {
    await addToOutbox(tx, "job/resumed", data);
  }
}
