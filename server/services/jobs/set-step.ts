import { type Db, runStatement } from "../../db";
import type { NewJobEvent } from "../../domain/events";
import type { Step } from "../../domain/steps";
import { ANNOUNCED, appending } from "../../events/append";
import { Prisma } from "../../generated/prisma/client";

/** The columns of a job that say how far its pipeline is. */
interface Place {
  id: bigint;
  currentStep: string | null;
  progress: number;
  iterations: number;
}

export interface NewStep {
  step: Step;
  /** Fraction of the whole job, 0 to 1. */
  progress: number;
  task?: number | null;
  iteration?: number | null;
}

/** A change of step as a part of a statement with `appending` in it: its event and the columns to set. */
export interface StepChange {
  events: NewJobEvent[];
  set: Prisma.Sql;
}

/**
 * The change to a step, empty when the job is there already. Progress never falls. The caller's row is moved on as
 * well, so that it can be asked again.
 */
export function stepChange(
  job: Place,
  { step, progress, task = null, iteration = null }: NewStep,
): StepChange {
  const reached = Math.max(job.progress, progress);
  const iterations = Math.max(job.iterations, iteration ?? 0);
  if (job.currentStep === step && job.progress === reached && job.iterations === iterations)
    return { events: [], set: Prisma.empty };
  Object.assign(job, { currentStep: step, progress: reached, iterations });
  return {
    events: [{ type: "job.step", data: { step, task, progress: reached, iteration: iterations } }],
    // A job that was stopped meanwhile has no step.
    set: Prisma.sql`, current_step = CASE WHEN state IN ('running', 'validating', 'approved') THEN ${step} ELSE current_step END,
      progress = greatest(progress, ${reached}::float8), iterations = greatest(iterations, ${iterations}::int)`,
  };
}

/**
 * Raises the progress of a job that rests in a step while others work for it.
 * @returns whether it was raised; what is further already, or does not rest any more, is left alone
 */
export async function raiseProgress(db: Db, job: Place, step: Step, progress: number): Promise<boolean> {
  const { events, set } = stepChange(job, { step, progress });
  if (events.length === 0) return false;
  const held = Prisma.sql`SELECT id FROM job WHERE id = ${job.id} AND state = 'paused'
    AND progress < ${job.progress}::float8 FOR UPDATE`;
  const told = await runStatement(
    db,
    Prisma.sql`WITH held AS (${held}),
    ${appending(Prisma.sql`SELECT id FROM held`, events, set)} ${ANNOUNCED}`,
  );
  return told.length > 0;
}

/**
 * Notes that a step of the pipeline begins. The same step told twice is logged once; a job that was stopped meanwhile,
 * or is further already, is left alone.
 */
export async function setStep(db: Db, job: Place, next: NewStep): Promise<void> {
  const { events, set } = stepChange(job, next);
  if (events.length === 0) return;
  await runStatement(
    db,
    Prisma.sql`
    WITH held AS (
      SELECT id FROM job WHERE id = ${job.id} AND state IN ('running', 'validating', 'approved')
        AND progress <= ${job.progress}::float8 AND iterations <= ${job.iterations}::int FOR UPDATE
    ), ${appending(Prisma.sql`SELECT id FROM held`, events, set)}
    ${ANNOUNCED}`,
  );
}
