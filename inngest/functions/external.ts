import { takeBaseline } from "@/server/loop/baseline";
import { awaitExternal, fillForChecks } from "@/server/loop/external";
import type { RunRef } from "@/server/services/jobs/active-job";
import { drive, type Step } from "../drive";
import { validate } from "./validate-job";

/**
 * A job that an external agent does: until it hands its work over nothing runs here; then it is validated like any other.
 * @param change whether it is a change, whose base is looked at by itself
 * @returns whether it may be delivered
 */
export async function external(step: Step, ref: RunRef, change: boolean): Promise<boolean> {
  if (!(await drive(step, "external", ref, (db) => awaitExternal(db, ref)))) return false;
  if (change) {
    if (!(await drive(step, "external-fill", ref, (db) => fillForChecks(db, ref)))) return false;
    if (!(await drive(step, "baseline", ref, (db) => takeBaseline(db, ref)))) return false;
  }
  return validate(step, ref);
}
