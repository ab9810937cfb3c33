/** Example jobs for an empty installation, submitted over the public API like any others. */
import { z } from "zod";
import { ApiClient } from "../client/api";
import type { DemoRequest } from "../demo/demo-request";
import { submitJob } from "../demo/follow-job";
import type { ClientSettings } from "../env";
import { readCredentials } from "../launcher/first-admin";

const EXAMPLES: DemoRequest[] = [
  {
    title: "Shop API",
    description: "A REST API for a small shop.",
    features: ["CRUD products", "Cart", "Checkout"],
    tech_stack: "node",
  },
  {
    title: "Blog",
    description: "A blog with posts and comments.",
    features: ["Posts", "Comments", "Tags"],
    tech_stack: "python",
  },
  {
    title: "Task manager",
    description: "Tasks with owners and categories.",
    features: ["CRUD tasks", "Users", "Categories"],
    tech_stack: "node",
  },
];

const page = z.object({ jobs: z.array(z.unknown()) });

/** Submits the examples, unless there are jobs already. */
export async function seed(options: {
  url: string;
  dataDir: string;
  client: ClientSettings;
  say: (line: string) => void;
}): Promise<void> {
  const { url, dataDir, say } = options;
  const client = new ApiClient({ ...options.client, url, ...readCredentials(dataDir) });
  const { jobs } = await client.call("GET", "/api/v1/jobs?limit=1", page);
  if (jobs.length > 0) {
    say("There are jobs already; no examples were added.");
    return;
  }
  for (const example of EXAMPLES) say(`Added ${await submitJob(client, example)}: ${example.title}`);
}
