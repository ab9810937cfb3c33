import { takeBaseline } from "@/server/loop/baseline";
import { awaitExternal, fillForChecks } from "@/server/loop/external";
import { keepAllHeldBack } from "@/server/loop/hold-back";
import { beginExternalTests, lendToAgent } from "@/server/loop/prepare-external";
import type { RunRef } from "@/server/services/jobs/active-job";
import { drive, type Step } from "../drive";
import { bringIn } from "./bring-in";
import { planJob } from "./plan-job";
import { agent } from "./run-agent";
import { validate } from "./validate-job";

/**
 * What comes before an external agent: the plan, which a person may want to read, and tests from the plan alone that the
 * agent never sees. Then the job is the agent's.
 * @returns false when this run of the job is over
 */
export async function prepareExternal(step: Step, ref: RunRef): Promise<boolean> {
  if (!(await planJob(step, ref))) return false;
  if (!(await agent(step, "held-back", ref, (db) => beginExternalTests(db, ref)))) return false;
  if (!(await drive(step, "keep-held-back", ref, (db) => keepAllHeldBack(db, ref)))) return false;
  return (await drive(step, "lend", ref, (db) => lendToAgent(db, ref))) !== null;
}

/**
 * A job that an external agent does: until it hands its work over nothing runs here; then it is validated like any other.
 * @param change whether it is a change, whose base is looked at by itself, and merged when it has moved
 * @returns whether it may be delivered
 */
export async function external(step: Step, ref: RunRef, change: boolean): Promise<boolean> {
  const handed = await drive(step, "external", ref, (db) => awaitExternal(db, ref));
  if (!handed) return false;
  if (change) {
    if (!(await drive(step, "external-fill", ref, (db) => fillForChecks(db, ref)))) return false;
    if (!(await drive(step, "baseline", ref, (db) => takeBaseline(db, ref)))) return false;
    if (!(await bringIn(step, ref, handed.tasks))) return false;
  }
  return validate(step, ref);
}
