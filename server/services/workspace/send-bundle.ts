import type { Readable } from "node:stream";
import type { Db } from "../../db";
import { exportBundle } from "../../workspaces/repository";
import { holdLease } from "../queue/held-lease";
import { jobRepository } from "./job-repository";

/**
 * The workspace of a leased job as a bundle.
 * @returns null when it is still empty
 * @throws AppError as holdLease
 */
export async function sendBundle(
  db: Db,
  { worker, job: publicId, fence }: { worker: string; job: string; fence: number },
): Promise<Readable | null> {
  const job = await db.$transaction((tx) => holdLease(tx, worker, publicId, fence));
  return job.headCommit ? exportBundle(jobRepository(publicId), job.headCommit) : null;
}
