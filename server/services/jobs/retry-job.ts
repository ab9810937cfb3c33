import type { Ctx } from "../../context";
import type { Job } from "../../generated/prisma/client";
import { moveByPerson } from "./move-by-person";

/**
 * Starts a failed or cancelled job again as its next run; what was committed is kept.
 * @throws AppError as moveByPerson
 */
export function retryJob({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<Job> {
  return moveByPerson(ctx, input.id, "retry");
}
