import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import type { Job } from "../../generated/prisma/client";
import { lockWaiting, pauseCandidates } from "../candidates/rest-candidates";
import { findJob } from "./find-job";
import { moveByPerson } from "./move-by-person";

/**
 * Pauses a job after the last thing that was stored; its worker is free for others. Of a job that waits for its
 * candidates they are paused.
 * @throws AppError as moveByPerson
 */
export async function pauseJob({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<Job> {
  requireRole(ctx.actor, "member");
  const { id } = await findJob(ctx, input.id);
  const waiting = await ctx.db.$transaction(async (tx) => {
    const parent = await lockWaiting(tx, id);
    if (!parent) return null;
    if ((await pauseCandidates(tx, parent, `person:${ctx.actor.username}`)) === 0)
      throw new AppError("conflict", `${parent.publicId} is paused, and so are its candidates.`);
    return parent;
  });
  return waiting ?? moveByPerson(ctx, input.id, "pause");
}
