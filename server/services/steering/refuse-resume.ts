import { AppError } from "../../domain/errors";
import type { Job } from "../../generated/prisma/client";

/**
 * A job whose plan is to be read goes on by a decision about it, and not by a resume, which would say nothing.
 * @throws AppError `conflict` when its plan waits for a decision
 */
export function refuseResume({
  publicId,
  state,
  waitingCode,
}: Pick<Job, "publicId" | "state" | "waitingCode">): void {
  if (state !== "paused" || waitingCode !== "plan") return;
  throw new AppError(
    "conflict",
    `${publicId} waits for a decision about its plan: approve the plan, or ask for changes.`,
  );
}
