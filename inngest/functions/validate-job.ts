import { beginValidation, verify } from "@/server/loop/verify";
import type { RunRef } from "@/server/services/jobs/active-job";
import { drive, type Step } from "../drive";

/** Validation of a green job: computed, in a fresh sandbox. @returns whether it may be delivered */
export async function validate(step: Step, ref: RunRef): Promise<boolean> {
  const verdict = await drive(step, "verify", ref, async (db) => {
    await beginValidation(db, ref);
    return verify(db, ref);
  });
  return verdict?.passed === true;
}
