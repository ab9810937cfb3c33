/**
 * The commands that ask a running Fabrica over its REST API: jobs, queue, workers, health.
 */
import { parseArgs } from "node:util";
import { z } from "zod";
import { jobId as jobIdSchema } from "../../server/domain/ids";
import {
  healthDetailView,
  type JobView,
  jobPage,
  queuePeekView,
  queueStatsView,
  workerView,
} from "../../server/domain/outputs";
import { ApiClient } from "../client/api";
import { readJob } from "../demo/follow-job";
import { bar, harmless } from "../demo/progress-line";
import { report } from "../demo/run-demo";
import { readClientSettings } from "../env";
import { LauncherError } from "../launcher-error";

const TITLE_CHARS = 48;

const OPTIONS = {
  json: { type: "boolean" },
  state: { type: "string" },
  search: { type: "string" },
  limit: { type: "string" },
} as const;

const workerList = z
  .union([workerView.array(), z.object({ workers: workerView.array() })])
  .transform((answer) => (Array.isArray(answer) ? answer : answer.workers));

interface Command {
  client: ApiClient;
  positionals: string[];
  query: URLSearchParams;
  /** Prints the answer, as JSON when asked for. */
  print(answer: unknown, lines: () => string[]): void;
}

function jobLine(job: JobView): string {
  const title = harmless(job.title).slice(0, TITLE_CHARS);
  return `${job.job_id}  ${job.status.padEnd(10)} ${bar(job.progress, 10)} $${job.cost_usd.toFixed(4)}  ${title}`;
}

function wantedJob(positionals: string[], verb: string): string {
  const parsed = jobIdSchema.safeParse(positionals[1]);
  if (parsed.success) return parsed.data;
  throw new LauncherError("Which job?", `Usage: fabrica jobs ${verb} JOB-…`);
}

async function jobs({ client, positionals, query, print }: Command): Promise<void> {
  const verb = positionals[0] ?? "list";
  if (verb === "list") {
    const answer = await client.call("GET", `/api/v1/jobs?${query}`, jobPage);
    return print(answer, () => (answer.jobs.length > 0 ? answer.jobs.map(jobLine) : ["No jobs."]));
  }
  if (verb === "show") {
    const job = await readJob(client, wantedJob(positionals, verb));
    return print(job, () => [jobLine(job), ...report(job, client.url)]);
  }
  if (verb === "cancel") {
    const id = wantedJob(positionals, verb);
    await client.call("DELETE", `/api/v1/jobs/${id}`, z.unknown());
    const job = await readJob(client, id);
    return print(job, () => [jobLine(job)]);
  }
  throw new LauncherError(
    `There is no command "jobs ${verb}".`,
    "Known are: jobs list, jobs show ID, jobs cancel ID.",
  );
}

async function queue({ client, query, print }: Command): Promise<void> {
  const [stats, next] = [
    await client.call("GET", "/api/v1/queue/stats", queueStatsView),
    await client.call("GET", `/api/v1/queue/peek?${query}`, queuePeekView),
  ];
  print({ stats, next: next.jobs }, () => [
    Object.entries(stats.counts)
      .filter(([, count]) => count > 0)
      .map(([state, count]) => `${state} ${count}`)
      .join(" · ") || "The queue is empty.",
    `Spent today: $${stats.spent_today_usd.toFixed(4)} of $${stats.budget_day_usd.toFixed(2)}`,
    ...next.jobs.map(
      ({ position, job, waiting_reason }) => `${position}. ${jobLine(job)} ${harmless(waiting_reason ?? "")}`,
    ),
  ]);
}

async function workers({ client, print }: Command): Promise<void> {
  const all = await client.call("GET", "/api/v1/workers", workerList);
  print(all, () =>
    all.length > 0
      ? all.map((worker) =>
          [
            worker.worker_id,
            worker.status.padEnd(8),
            worker.driver.padEnd(10),
            `${worker.jobs_completed} done, ${worker.jobs_failed} failed`,
            worker.current_job_id ?? "",
          ].join("  "),
        )
      : ["No workers."],
  );
}

async function health({ client, print }: Command): Promise<void> {
  const answer = await client.call("GET", "/api/v1/health/detailed", healthDetailView);
  print(answer, () => [
    `${answer.status} (version ${answer.version})`,
    ...Object.entries(answer.components).map(
      ([name, { ok, detail }]) => `  ${ok ? "✔" : "✘"} ${name}: ${detail}`,
    ),
  ]);
}

const COMMANDS = { jobs, queue, workers, health };

/** Names of the commands of this module. */
export const REMOTE_COMMANDS = Object.keys(COMMANDS);

/** Runs one of them. @throws LauncherError with the app's own sentence when it refuses */
export async function remoteCommand(name: string, args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  const { json, ...filters } = values;
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== undefined));
  await COMMANDS[name as keyof typeof COMMANDS]({
    client: new ApiClient({ ...readClientSettings(), keepSession: true }),
    positionals,
    query,
    print: (answer, lines) => console.log(json ? JSON.stringify(answer, null, 2) : lines().join("\n")),
  });
  return 0;
}
