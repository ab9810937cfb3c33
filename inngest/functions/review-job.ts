import { beginReview, beginReviewFix, settleReviewFix, storeReview } from "@/server/loop/review";
import type { RunRef } from "@/server/services/jobs/active-job";
import { drive, type Step } from "../drive";
import { agentEnd } from "./run-agent";

/**
 * One review of a green job, and one round of mending what it found. Nothing that a reviewer says ends a job.
 * @param of tasks of the plan
 * @returns false when this run of the job is over
 */
export async function review(step: Step, ref: RunRef, of: number): Promise<boolean> {
  if ((await agentEnd(step, "review", ref, (db) => beginReview(db, ref))) === "over") return false;
  const stored = await drive(step, "reviewed", ref, (db) => storeReview(db, ref));
  if (!stored?.fix) return stored !== null;
  if ((await agentEnd(step, "review-fix", ref, (db) => beginReviewFix(db, ref))) === "over") return false;
  return (await drive(step, "review-fixed", ref, (db) => settleReviewFix(db, ref, of))) !== null;
}
