// The lease of an external agent's host. Every write of it passes here: the fence, that the job was given to an external
// agent, and that it is still its turn, are looked at under the job's lock.
import { runStatement, type Tx } from "../../db";
import { AppError } from "../../domain/errors";
import { type Job, Prisma } from "../../generated/prisma/client";
import { holdLease } from "../queue/held-lease";

/** Under which lease a call is made. */
export interface LeaseCall {
  /** Worker id. */
  worker: string;
  /** Public job id. */
  job: string;
  fence: number;
}

/**
 * Locks the job of an external agent's lease.
 * @throws AppError as holdLease; `conflict` when the factory's own agents work on it, or it is not being worked on
 */
export async function holdExternal(tx: Tx, { worker, job: publicId, fence }: LeaseCall): Promise<Job> {
  const { id } = await holdLease(tx, worker, publicId, fence);
  const job = await tx.job.findUniqueOrThrow({ where: { id } });
  if (job.agent !== "external")
    throw new AppError("conflict", `${publicId} is worked on by the factory's own agents.`);
  if (job.state !== "running")
    throw new AppError("conflict", `${publicId} is ${job.state}; an external agent has no part in that.`);
  return job;
}

/**
 * The same for work: what was under way when a person paused the job is taken in as well, as long as nobody has had the
 * job since. A pause ends the lease at once, and the host can only send its work afterwards.
 * @throws AppError as holdExternal
 */
export async function holdForWork(tx: Tx, call: LeaseCall): Promise<Job> {
  const [late] = await tx.$queryRaw<{ id: bigint }[]>`
    SELECT id FROM job WHERE public_id = ${call.job} AND agent = 'external' AND needs = 'agent'
      AND state = 'paused' AND resume_state = 'running' AND lease_worker_id IS NULL
      AND last_worker_id = ${call.worker} AND fence = ${call.fence}::int + 1
    FOR UPDATE`;
  return late ? tx.job.findUniqueOrThrow({ where: { id: late.id } }) : holdExternal(tx, call);
}

/** What a host has reported under its lease; made when it is asked for first. */
export interface LeaseRow {
  nextEvent: number;
  kept: number;
  /** The sentence, once there was no money for another answer. */
  capReason: string | null;
}

/** @param job held by the caller, whose fence is the lease's */
export async function leaseRow(tx: Tx, job: Pick<Job, "id" | "fence">): Promise<LeaseRow> {
  const [row] = await runStatement<LeaseRow & Record<string, unknown>>(
    tx,
    Prisma.sql`
      INSERT INTO external_lease (job_id, fence) VALUES (${job.id}::bigint, ${job.fence}::int)
      ON CONFLICT (job_id, fence) DO UPDATE SET fence = excluded.fence
      RETURNING next_event AS "nextEvent", kept, cap_reason AS "capReason"`,
  );
  if (!row) throw new Error("the lease has no row");
  return row;
}
