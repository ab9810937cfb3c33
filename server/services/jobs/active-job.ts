import { type Db, runStatement } from "../../db";
import { EXECUTING } from "../../domain/job-state";
import { Ended, GiveUp, NotYet } from "../../domain/step-outcome";
import { env } from "../../env";
import { type Job, Prisma } from "../../generated/prisma/client";
import { LEASED_MS_NOW } from "../queue/lease-sql";
import { toJob } from "./job-row";

/** Which run of which job a step works for. */
export interface RunRef {
  /** Public job id. */
  job: string;
  run: number;
  /** The engine run that asks; it must be the one that has taken this run of the job (invariant 2). */
  engine?: string;
}

/**
 * Milliseconds that this run has been under a lease, the present one included, by the database's clock.
 * @param job as {@link activeJob} gave it
 */
export function leasedMs(job: Job): number {
  return Number(job.leasedMs);
}

/**
 * The job of a run that may be worked on now. Its `leasedMs` includes the present lease up to this moment.
 * @throws NotYet `paused`; Ended when the run is over or another engine run has it; GiveUp when its time is used up
 */
export async function activeJob(db: Db, { job: publicId, run, engine }: RunRef): Promise<Job> {
  const [row] = await runStatement<Record<string, unknown>>(
    db,
    Prisma.sql`SELECT old.*, ${LEASED_MS_NOW} AS _leased_ms FROM job old WHERE public_id = ${publicId}`,
  );
  const job = row && toJob({ ...row, leased_ms: row._leased_ms });
  if (!job || (engine !== undefined && job.engineRunId !== engine)) throw new Ended();
  requireWork(job, run);
  if (job.state === "pending") throw new Ended();
  if (leasedMs(job) > env().JOB_TIMEOUT * 1000) {
    throw new GiveUp(
      "timeout",
      `The job used up its ${env().JOB_TIMEOUT} s of working time; the last commit is kept.`,
    );
  }
  return job;
}

/**
 * Whether a run of a job goes on at this moment, in so far as that can be told by its row.
 * @throws NotYet `paused`; Ended when the run is over
 */
export function requireWork(job: Pick<Job, "run" | "state">, run: number): void {
  if (job.run !== run) throw new Ended();
  if (job.state === "paused") throw new NotYet({ kind: "paused" });
  if (!EXECUTING[job.state]) throw new Ended();
}
