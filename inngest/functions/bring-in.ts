import { takeBaseline } from "@/server/loop/baseline";
import { bringInBase, refill } from "@/server/loop/bring-in-base";
import type { RunRef } from "@/server/services/jobs/active-job";
import { drive, type Step } from "../drive";
import { checkAndFix } from "./run-task";

/**
 * A base that moved is merged into a change, looked at by itself, and worked on until all is green again.
 * @param of tasks of the plan
 * @returns false when this run of the job is over
 */
export async function bringIn(step: Step, ref: RunRef, of: number): Promise<boolean> {
  const merged = await drive(step, "bring-in-base", ref, (db) => bringInBase(db, ref, of));
  if (!merged) return false;
  if (merged.task === null) return true;
  if (!(await drive(step, "baseline-again", ref, (db) => takeBaseline(db, ref)))) return false;
  if (!(await drive(step, "refill", ref, (db) => refill(db, ref)))) return false;
  return checkAndFix(step, { ...ref, n: merged.task, of });
}
