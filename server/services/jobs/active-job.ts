import { type Db, runStatement } from "../../db";
import { EXECUTING } from "../../domain/job-state";
import { Ended, GiveUp, NotYet } from "../../domain/step-outcome";
import { env } from "../../env";
import { type Job, Prisma } from "../../generated/prisma/client";
import { toJob } from "./job-row";

/** Which run of which job a step works for. */
export interface RunRef {
  /** Public job id. */
  job: string;
  run: number;
}

/** Milliseconds that this run has been under a lease, the present one included. */
export function leasedMs(job: Job, now: number = Date.now()): number {
  return Number(job.leasedMs) + (job.leasedSince ? now - job.leasedSince.getTime() : 0);
}

/**
 * The job of a run that may be worked on now.
 * @throws NotYet `paused`; Ended when the run is over; GiveUp when its time is used up
 */
export async function activeJob(db: Db, { job: publicId, run }: RunRef): Promise<Job> {
  const [row] = await runStatement<Record<string, unknown>>(
    db,
    Prisma.sql`SELECT * FROM job WHERE public_id = ${publicId}`,
  );
  const job = row && toJob(row);
  if (!job || job.run !== run) throw new Ended();
  if (job.state === "paused") throw new NotYet({ kind: "paused" });
  if (!EXECUTING[job.state] || job.state === "pending") throw new Ended();
  if (leasedMs(job) > env().JOB_TIMEOUT * 1000) {
    throw new GiveUp(
      "timeout",
      `The job used up its ${env().JOB_TIMEOUT} s of working time; the last commit is kept.`,
    );
  }
  return job;
}
