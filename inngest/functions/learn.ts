import { z } from "zod";
import { learn } from "@/server/loop/learn";
import { inngest } from "../client";
import { drive } from "../drive";

const stopped = z.object({ job: z.string(), run: z.number() });

/** What a run found out that was ended before its last step: failed, escalated or cancelled. Its own function, because that run's is ended with it. */
export const learnFromStopped = inngest.createFunction(
  { id: "learn-from-stopped", retries: 3, triggers: [{ event: "job/stopped" }] },
  async ({ event, step }) => {
    const ref = stopped.parse(event.data);
    await drive(step, "learn", ref, (db) => learn(db, ref));
  },
);
