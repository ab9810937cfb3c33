import type { Db, Tx } from "../../db";
import { AppError } from "../../domain/errors";
import type { Job } from "../../generated/prisma/client";

/**
 * Candidates of a job begin, rest and go on with it: one of them alone would leave the others waiting, or be chosen
 * from another beginning. Only cancelling one is possible, which leaves the choice among the rest.
 * @param what is to be done with the parent instead, such as "pause" or "set the budget of"
 * @throws AppError `conflict` when the job is a candidate
 */
export async function refuseAlone(
  at: Pick<Db | Tx, "job">,
  job: Pick<Job, "kind" | "publicId" | "parentId">,
  what: string,
): Promise<void> {
  if (job.kind !== "candidate" || job.parentId === null) return;
  const parent = await at.job.findUnique({ where: { id: job.parentId }, select: { publicId: true } });
  const name = parent?.publicId ?? "its job";
  throw new AppError(
    "conflict",
    `${job.publicId} is one of the candidates of ${name} and goes along with it; ${what} ${name} instead.`,
  );
}
