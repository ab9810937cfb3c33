// The one Inngest client. No function knows whether the embedded engine or a real server drives it.
import { eventType, Inngest } from "inngest";
import { z } from "zod";
import type { EngineEvents } from "@/server/domain/engine-events";
import { env } from "@/server/env";

const settings = env();

export const inngest = new Inngest({
  id: "fabrica",
  isDev: false,
  baseUrl: settings.INNGEST_BASE_URL,
  eventKey: settings.INNGEST_EVENT_KEY,
  signingKey: settings.INNGEST_SIGNING_KEY,
  checkpointing: { maxRuntime: "5m" },
});

const runRef = z.object({ job: z.string(), run: z.number() });
export const jobStarted = eventType("job/started", { schema: runRef });

/** Ends a function when its run of the job is stopped. */
export const cancelWithJob = [
  { event: "job/stopped", if: "event.data.job == async.data.job && event.data.run == async.data.run" },
];

export type EngineEventName = keyof EngineEvents;
