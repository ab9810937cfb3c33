// What a job waits for, changed while it has not begun. The only place where a circle could come about: a new job can
// name only jobs that are there already.
import { type Ctx, requireRole } from "../../context";
import type { Tx } from "../../db";
import { AppError } from "../../domain/errors";
import { appendEvents } from "../../events/append";
import { refuseAlone } from "../candidates/refuse-alone";
import { settleFiles } from "../locks/release-locks";
import { announceClaimable } from "../queue/announce-claimable";
import { findDependencies } from "./create-job";
import { findCircle } from "./find-circle";
import { findJob } from "./find-job";
import { refreshJob } from "./wake-dependents";

/** Key of the advisory lock of one team's dependencies, beside the team's id: ASCII of "depe". */
const DEPENDENCIES_LOCK = 0x64657065;

/**
 * Replaces the dependencies of a job that has not begun.
 * @throws AppError `not_found`; `conflict` (it has begun; the jobs would wait for each other: the circle is named);
 *   `bad_request` (a job that is not in this team)
 */
export async function setDependencies({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { id: string; depends_on: string[] };
}): Promise<void> {
  requireRole(ctx.actor, "member");
  const { id } = await findJob(ctx, input.id);
  const { teamId } = ctx.actor;
  await ctx.db.$transaction(async (tx) => {
    // Two changes at once could close a circle of which each sees a half.
    await tx.$queryRaw`SELECT pg_advisory_xact_lock(${DEPENDENCIES_LOCK}::int, ${teamId}::int)::text`;
    // What is waited for before who waits, as where a job that ends wakes others.
    const dependencies = await findDependencies(tx, teamId, input.depends_on);
    await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${id} FOR UPDATE`;
    const job = await tx.job.findUniqueOrThrow({ where: { id } });
    await refuseAlone(tx, job, "change the dependencies of");
    if (job.state !== "pending" && job.state !== "draft")
      throw new AppError("conflict", `${job.publicId} is ${job.state}; it waits for no other job any more.`);
    const ids = dependencies.map((dependency) => dependency.id);
    const circle = await findCircle(tx, id, ids);
    if (circle) {
      throw new AppError(
        "conflict",
        `depends_on: these jobs would wait for each other: ${circle.join(" → ")}.`,
      );
    }
    await tx.jobDependency.deleteMany({ where: { jobId: id } });
    await tx.jobDependency.createMany({ data: ids.map((dependsOnId) => ({ jobId: id, dependsOnId })) });
    if (job.state === "pending" && ids.length > 0) await refreshJob(tx, id);
    else if (job.state === "pending") await freeOfAll(tx, id);
    const names = dependencies.map((dependency) => dependency.publicId);
    const text =
      names.length > 0 ? `waits for ${names.join(", ")} from now on` : "waits for no other job any more";
    await appendEvents(tx, id, [{ type: "job.note", data: { text: `${ctx.actor.username}: ${text}` } }]);
  });
}

async function freeOfAll(tx: Tx, id: bigint): Promise<void> {
  const job = await tx.job.update({
    where: { id },
    data: { claimable: true, waitingCode: null, waitingReason: null },
  });
  if (!(await settleFiles(tx, job))) await announceClaimable(tx);
}
