/**
 * The demo: sign in, submit, follow, and say plainly what came out and where it lies.
 */
import { type FactoryView, factoryView, type JobView } from "../../server/domain/outputs";
import { ApiClient, ApiError } from "../client/api";
import type { ClientSettings } from "../env";
import { type Credentials, forgetCredentials, readCredentials } from "../launcher/first-admin";
import { LauncherError } from "../launcher-error";
import { demoRequest, ERRING_CODER } from "./demo-request";
import { followJob, submitJob } from "./follow-job";
import { harmless, ProgressLine } from "./progress-line";

/** What to show. */
export interface DemoOptions {
  url: string;
  dataDir: string;
  client: ClientSettings;
  /** What to build; the default request when absent. */
  text: string | undefined;
  stack: string;
  signal: AbortSignal;
  out: NodeJS.WriteStream;
}

/** The client of the demo: a person's own token or password first, then those of the first admin. */
function enter(options: DemoOptions): { client: ApiClient; stored: Credentials | null } {
  const own = options.client;
  const has = own.token !== null || (own.username !== null && own.password !== null);
  const stored = has ? null : readCredentials(options.dataDir);
  return { client: new ApiClient({ ...own, url: options.url, ...stored }), stored };
}

/**
 * Runs one job and shows it.
 * @returns whether the job completed
 * @throws LauncherError when signing in fails or the app is gone
 */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const { client, stored } = enter(options);
  const line = new ProgressLine(options.out);
  let request = demoRequest(options.text, options.stack);
  let jobId: string;
  try {
    const factory = await client.call("GET", "/api/v1/factory", factoryView);
    if (factory.simulated) request = { ...request, models: ERRING_CODER };
    line.say(`\n${modelNotice(factory)}`);
    jobId = await submitJob(client, request);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    if (stored) forgetCredentials(options.dataDir);
    throw new LauncherError(
      "The demo cannot sign in: the first admin's password was changed, or it is not known here.",
      "Set FABRICA_USER and FABRICA_PASSWORD and run it again.",
      { cause: error },
    );
  }
  line.say(`Submitted ${jobId}: ${request.title} (${request.tech_stack})`);
  line.say(`Watch it in the browser: ${options.url}/jobs/${jobId}\n`);
  const job = await followJob(client, jobId, line, options.signal);
  if (options.signal.aborted) return false;
  for (const text of report(job, options.url)) line.say(text);
  return job.status === "completed";
}

function modelNotice({ simulated, provider, model }: FactoryView): string {
  if (!simulated) return `The work is done by ${model} (${provider}).`;
  return (
    "Simulation: no model key is set, so a built-in stand-in writes the code. Everything else is real.\n" +
    "It will get one thing wrong on purpose, and mend it. Set ANTHROPIC_API_KEY or OLLAMA_HOST for a real model."
  );
}

/** What came out, in a few lines. */
export function report(job: JobView, url: string): string[] {
  const tests = job.test_results;
  const seconds = job.elapsed_seconds === null ? "" : ` in ${Math.round(job.elapsed_seconds)} s`;
  const lines = [
    `\n${job.job_id} ${job.status}${seconds}, ${job.iterations} iterations, $${job.cost_usd.toFixed(4)}`,
  ];
  if (tests) lines.push(`Tests: ${tests.passed} passed, ${tests.failed} failed, ${tests.total} in all`);
  if (job.output_path) lines.push(`The project lies in ${job.output_path}`);
  // It may be what an agent or a program has said.
  if (job.error_message) lines.push(`Why: ${harmless(job.error_message)}`);
  lines.push(`All about it: ${url}/jobs/${job.job_id}`);
  return lines;
}
