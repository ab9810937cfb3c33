// Runs a step body and turns what it throws into an outcome that the engine functions can act on. A job that cannot
// go on is moved here, in the very step that found it out.
import { setTimeout as delay } from "node:timers/promises";
import { type Db, db } from "../db";
import { isCrossed, isDatabaseAway } from "../db-faults";
import { AppError } from "../domain/errors";
import { plainText } from "../domain/plain-json";
import { Ended, GiveUp, NotYet, Refused, type StepOutcome, Stuck } from "../domain/step-outcome";
import { log } from "../log";
import { wakeParentOf } from "../services/candidates/wake-parent";
import type { RunRef } from "../services/jobs/active-job";
import { moveJob } from "../services/jobs/move-job";
import { leaveRun } from "./set-up";

/** What a step may hand to the engine, in bytes of JSON: the state of a run travels with every call. */
const MAX_OUTCOME_BYTES = 8 * 1024;

/** How long a step waits for a database that is away before the engine is told of a failure, in milliseconds. */
const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;
/** So often a step looks again that was overtaken; then something else is wrong. */
const LOOKS = 3;

/**
 * Runs `body` for a run of a job; again when it was overtaken, and when the database went away meanwhile and is back. A
 * failure would take an attempt of the step, of which the next comes the later the more it had: after an accident the job
 * would stand still for minutes although all is well.
 * @param patienceMs how long the database may be away, in milliseconds
 * @throws whatever the body throws that is no answer: the engine tries the step again with backoff
 */
export async function stepBody<T>(
  ref: RunRef,
  body: (db: Db) => Promise<T>,
  patienceMs: number = PATIENCE_MS,
): Promise<StepOutcome<T>> {
  const giveUp = Date.now() + patienceMs;
  let pauseMs = FIRST_PAUSE_MS;
  for (let look = 1; ; ) {
    try {
      return await once(ref, body);
    } catch (error) {
      if (isDatabaseAway(error)) {
        if (Date.now() + pauseMs > giveUp) throw error;
        log.info({ job: ref.job }, "a step waits for the database");
        await delay(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      } else if (!wasOvertaken(error) || look++ === LOOKS) throw error;
    }
  }
}

/** The engine asked twice for the step, and the other one, or a person, has moved the job meanwhile. */
const wasOvertaken = (error: unknown) =>
  isCrossed(error) || (error instanceof AppError && error.code === "conflict");

async function once<T>(ref: RunRef, body: (db: Db) => Promise<T>): Promise<StepOutcome<T>> {
  try {
    const outcome: StepOutcome<T> = { s: "done", v: await body(db()) };
    const bytes = Buffer.byteLength(JSON.stringify(outcome));
    if (bytes > MAX_OUTCOME_BYTES)
      throw new Error(`a step returned ${bytes} bytes; at most ${MAX_OUTCOME_BYTES} may travel`);
    return outcome;
  } catch (error) {
    if (error instanceof NotYet) return waiting(error);
    if (error instanceof Ended) return { s: "ended" };
    if (error instanceof GiveUp) return await end(ref, "gave_up", error.code, error.message);
    if (error instanceof Refused)
      return await end(ref, "delivery_refused", "delivery_refused", error.message);
    if (error instanceof Stuck) return await end(ref, "stuck", "stuck", error.message);
    throw error;
  }
}

function waiting({ on }: NotYet): StepOutcome<never> {
  if (on.kind === "command") return { s: "command", command: on.command };
  if (on.kind === "later") return { s: "later", ms: on.ms };
  return { s: "paused" };
}

/**
 * The engine has given a run up, because a step of it failed again and again. A job that is paused meanwhile is not
 * ended: the step gets another chance, by another engine run, when the job goes on.
 */
export async function endGivenUp(ref: RunRef & { engine: string }, message: string): Promise<void> {
  const { s } = await end(ref, "gave_up", "engine_gave_up", message);
  if (s === "paused") await leaveRun(db(), ref);
}

/**
 * Ends a run for a reason that people are shown. A job that was settled in the meantime stays as it is; one that was paused
 * comes to the same end when it goes on, for then the step is done again.
 */
export async function end(
  { job: publicId, run, engine }: RunRef,
  move: "gave_up" | "stuck" | "delivery_refused",
  code: string,
  message: string,
): Promise<{ s: "ended" | "paused" }> {
  const ended = await db().$transaction(async (tx) => {
    const job = await tx.job.findUnique({ where: { publicId } });
    if (!job || job.run !== run || (engine !== undefined && job.engineRunId !== engine)) return null;
    // Nobody is asked about a candidate: the others go on without it.
    const asks = move === "stuck" ? job.state === "running" && job.kind !== "candidate" : true;
    const set = { errorCode: code, errorMessage: plainText(message) };
    try {
      // A base that cannot be merged into an external agent's work: it is being validated by then.
      if (move === "stuck" && job.state === "validating" && job.agent === "external") {
        await moveJob(tx, { job: job.id, run, move: "rejected", actor: "factory", reason: message, set });
        return await moveJob(tx, {
          job: job.id,
          move: "exhausted",
          actor: "factory",
          reason: "a person has to merge the base",
        });
      }
      return await moveJob(tx, {
        job: job.id,
        run,
        move: asks ? move : "gave_up",
        actor: "factory",
        reason: message,
        set,
      });
    } catch (error) {
      if (!(error instanceof AppError && error.code === "conflict")) throw error;
      const { state } = await tx.job.findUniqueOrThrow({ where: { id: job.id }, select: { state: true } });
      log.info({ job: publicId, code, state }, "the job was moved before it could be ended");
      return state === "paused" ? state : null;
    }
  });
  if (ended === "paused") return { s: "paused" };
  if (ended) await wakeParentOf(db(), ended);
  return { s: "ended" };
}
