import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import type { Job } from "../../generated/prisma/client";
import { lockWaiting, openCandidates, resumeCandidates } from "../candidates/rest-candidates";
import { refuseResume } from "../steering/refuse-resume";
import { findJob } from "./find-job";
import { moveByPerson } from "./move-by-person";

/**
 * Lets a paused job go on where it was, at the head of the queue. Of a job that waits for its candidates they go on,
 * and it does when they are over.
 * @throws AppError as moveByPerson; `conflict` when it waits for candidates that are being worked on,
 * or for a decision about its plan
 */
export async function resumeJob({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<Job> {
  requireRole(ctx.actor, "member");
  const found = await findJob(ctx, input.id);
  refuseResume(found);
  const { id } = found;
  const waiting = await ctx.db.$transaction(async (tx) => {
    const parent = await lockWaiting(tx, id);
    const open = parent === null ? 0 : await openCandidates(tx, parent);
    // Without an open one it is about to be woken, and anybody may do that.
    if (!parent || open === 0) return null;
    if ((await resumeCandidates(tx, parent, `person:${ctx.actor.username}`)) === 0)
      throw new AppError(
        "conflict",
        `${parent.publicId} waits for its candidates and goes on by itself when they are over; ${open} of ${parent.candidates} are not.`,
      );
    return parent;
  });
  return waiting ?? moveByPerson(ctx, input.id, "resume");
}
