import type { Ctx } from "../../context";
import type { Job } from "../../generated/prisma/client";
import { moveByPerson } from "./move-by-person";

/**
 * Lets a paused job go on where it was, at the head of the queue.
 * @throws AppError as moveByPerson
 */
export function resumeJob({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<Job> {
  return moveByPerson(ctx, input.id, "resume");
}
