import { invoke } from "inngest";
import { z } from "zod";
import { beginValidation, verify } from "@/server/loop/verify";
import { cancelWithJob, inngest } from "../client";
import { drive } from "../drive";

/** Validation of a green job: computed, in a fresh sandbox. */
export const validateJob = inngest.createFunction(
  {
    id: "validate-job",
    retries: 10,
    triggers: [invoke(z.object({ job: z.string(), run: z.number() }))],
    cancelOn: cancelWithJob,
  },
  async ({ event, step }) => {
    const ref = event.data;
    const begun = await drive(step, "begin", ref, (db) => beginValidation(db, ref));
    if (!begun) return { ended: true, passed: false };
    const verdict = await drive(step, "verify", ref, (db) => verify(db, ref));
    return { ended: verdict === null, passed: verdict?.passed === true };
  },
);
