import { serve } from "inngest/next";
import { inngest } from "@/inngest/client";
import { runAgent } from "@/inngest/functions/run-agent";
import { runJob } from "@/inngest/functions/run-job";
import { runTask } from "@/inngest/functions/run-task";
import { validateJob } from "@/inngest/functions/validate-job";

export const dynamic = "force-dynamic";

export const { GET, POST, PUT } = serve({
  client: inngest,
  functions: [runJob, runTask, runAgent, validateJob],
});
