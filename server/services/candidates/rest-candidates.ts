// Pause and resume of a job that waits for its candidates: it rests already, so it is they who stop and go on.
import type { Tx } from "../../db";
import { isSettled, TRANSITIONS } from "../../domain/job-state";
import type { WaitingCode } from "../../domain/waiting";
import type { Job } from "../../generated/prisma/client";
import { moveJob } from "../jobs/move-job";
import { candidatesOf } from "./make-candidates";

/** Whether a job rests until its candidates are over. */
const waitsForCandidates = (job: Pick<Job, "state" | "waitingCode">): boolean =>
  job.state === "paused" && job.waitingCode === ("children" satisfies WaitingCode);

/** Locks a job. @returns it, when it waits for its candidates */
export async function lockWaiting(tx: Tx, id: bigint): Promise<Job | null> {
  await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${id} FOR UPDATE`;
  const job = await tx.job.findUniqueOrThrow({ where: { id } });
  return waitsForCandidates(job) ? job : null;
}

/**
 * Pauses the candidates of a job that waits for them.
 * @param parent its row is locked
 * @returns how many were paused
 */
export async function pauseCandidates(tx: Tx, parent: Job, actor: string): Promise<number> {
  const pausable: readonly string[] = TRANSITIONS.pause.from;
  const working = (await candidatesOf(tx, parent)).filter(({ state }) => pausable.includes(state));
  for (const { id: job } of working)
    await moveJob(tx, { job, move: "pause", actor, reason: `${parent.publicId} was paused` });
  return working.length;
}

/**
 * Lets the candidates of a job go on that are paused.
 * @param parent its row is locked
 * @param only those that wait for this reason; all when it is not given
 * @returns how many go on
 */
export async function resumeCandidates(
  tx: Tx,
  parent: Job,
  actor: string,
  only?: WaitingCode,
): Promise<number> {
  const paused = (await candidatesOf(tx, parent)).filter(
    ({ state, waitingCode }) => state === "paused" && (only === undefined || waitingCode === only),
  );
  for (const { id: job } of paused) await moveJob(tx, { job, move: "resume", actor });
  return paused.length;
}

/** How many candidates of a job are not over. */
export async function openCandidates(tx: Tx, parent: Job): Promise<number> {
  return (await candidatesOf(tx, parent)).filter(({ state }) => !isSettled(state)).length;
}
