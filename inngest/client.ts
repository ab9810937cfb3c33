// The one Inngest client. No function knows whether the embedded engine or a real server drives it: the SDK reads
// INNGEST_BASE_URL, its two keys and INNGEST_DEV itself, when it is first used; server/env.ts has checked that they go
// together. Without INNGEST_DEV=1 it signs and takes only what is signed.
import { eventType, Inngest } from "inngest";
import { z } from "zod";
import { fetchEngine } from "./fetch-engine";

export const inngest = new Inngest({
  id: "fabrica",
  // What a lost process had not reported yet is done again and finds its results by their keys.
  checkpointing: { maxRuntime: "5m", bufferedSteps: 3 },
  fetch: fetchEngine,
});

const started = z.object({ job: z.string(), run: z.number(), after: z.string().optional() });
export const jobStarted = eventType("job/started", { schema: started });

/** Ends a function when its run of the job is stopped. */
export const cancelWithJob = [
  { event: "job/stopped", if: "event.data.job == async.data.job && event.data.run == async.data.run" },
];
