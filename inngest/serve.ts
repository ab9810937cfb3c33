// The functions of the loop behind one web handler, for Next's route and for the direct one.
import { serve } from "inngest/edge";
import { inngest } from "./client";
import { learnFromStopped } from "./functions/learn";
import { runAgent } from "./functions/run-agent";
import { runJob } from "./functions/run-job";
import { runTask } from "./functions/run-task";
import { guardCalls } from "./guard-calls";

/** Answers a call of the engine. Never throws. */
export const serveFunctions: (request: Request) => Promise<Response> = guardCalls(
  serve({
    client: inngest,
    functions: [runJob, runTask, runAgent, learnFromStopped],
    // A stranger's PUT with a Host of his own would have the app registered under his address.
    enableUnauthedSync: false,
  }),
);
