import { beginPlan, writePlan } from "@/server/loop/plan";
import type { RunRef } from "@/server/services/jobs/active-job";
import { drive, type Step, type Work } from "../drive";
import { agent } from "./run-agent";

/**
 * The plan of a job: written, and written again as long as a person who wants to read it first asks for changes.
 * @returns how many tasks it has; null when this run of the job is over
 */
export async function planJob(step: Step, ref: RunRef): Promise<{ tasks: number } | null> {
  if (!(await agent(step, "plan", ref, (db) => beginPlan(db, ref)))) return null;
  let written = await drive(step, "write-plan", ref, (db) => writePlan(db, ref));
  for (let version = 2; written?.changes; version++) {
    const begin: Work<{ agent: string | null }> = (db) => beginPlan(db, ref, version);
    if (!(await agent(step, `plan-${version}`, ref, begin))) return null;
    written = await drive(step, `write-plan-${version}`, ref, (db) => writePlan(db, ref, version));
  }
  return written;
}
