import type { Ctx } from "../../context";
import type { Job } from "../../generated/prisma/client";
import { moveByPerson } from "./move-by-person";

/**
 * Pauses a job after the last thing that was stored; its worker is free for others.
 * @throws AppError as moveByPerson
 */
export function pauseJob({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<Job> {
  return moveByPerson(ctx, input.id, "pause");
}
