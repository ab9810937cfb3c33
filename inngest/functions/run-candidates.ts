import { beginApproaches, splitIntoCandidates } from "@/server/loop/candidates";
import { takeBestCandidate } from "@/server/loop/candidates-choice";
import { beginHeldBack, keepAllHeldBack } from "@/server/loop/hold-back";
import type { RunRef } from "@/server/services/jobs/active-job";
import { drive, type Step } from "../drive";
import { agent } from "./run-agent";

/**
 * The tasks of a job, worked out by several candidates at once. Tests are written from the plan alone and held back,
 * each candidate gets an approach, the job rests until all are over, and has the best one's work in the end.
 * @returns false when this run of the job is over
 */
export async function runCandidates(step: Step, ref: RunRef): Promise<boolean> {
  if (!(await agent(step, "held-back", ref, (db) => beginHeldBack(db, ref)))) return false;
  if (!(await drive(step, "keep-held-back", ref, (db) => keepAllHeldBack(db, ref)))) return false;
  if (!(await agent(step, "approaches", ref, (db) => beginApproaches(db, ref)))) return false;
  if (!(await drive(step, "candidates", ref, (db) => splitIntoCandidates(db, ref)))) return false;
  return (await drive(step, "best-candidate", ref, (db) => takeBestCandidate(db, ref))) !== null;
}
