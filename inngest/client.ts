// The one Inngest client. No function knows whether the embedded engine or a real server drives it: the SDK reads
// INNGEST_BASE_URL and its two keys itself, when it is first used; server/env.ts has checked that they go together.
import { eventType, Inngest } from "inngest";
import { z } from "zod";

export const inngest = new Inngest({
  id: "fabrica",
  isDev: false,
  checkpointing: { maxRuntime: "5m" },
});

const runRef = z.object({ job: z.string(), run: z.number() });
export const jobStarted = eventType("job/started", { schema: runRef });

/** Ends a function when its run of the job is stopped. */
export const cancelWithJob = [
  { event: "job/stopped", if: "event.data.job == async.data.job && event.data.run == async.data.run" },
];
