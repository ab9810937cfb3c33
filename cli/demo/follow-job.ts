/**
 * Submits a job over the public API and follows it to its end, as any client would.
 */
import { z } from "zod";
import { isSettled } from "../../server/domain/job-state";
import { type JobView, jobView } from "../../server/domain/outputs";
import type { ApiClient } from "../client/api";
import { followEvents, type StreamEvent } from "../client/event-stream";
import type { DemoRequest } from "./demo-request";
import { harmless, type Progress, type ProgressLine } from "./progress-line";

/** The record is read again after each of these, and at least this often, in milliseconds. */
const TELLING_EVENTS = new Set(["job.moved", "job.step", "spend.settled", "check.finished", "delivery.done"]);
const REFRESH_MS = 2_000;
const STORY_CHARS = 140;
/** States in which nothing goes on by itself: a person has to decide. */
const WAITS_FOR_PERSON = new Set(["escalated", "paused"]);

const withText = z.object({ text: z.string() });
const checkData = z.object({ kind: z.string(), passed: z.boolean(), summary: z.string() });
const healData = z.object({ n: z.number(), max: z.number(), failing: z.string(), root_cause: z.string() });
const created = z.union([jobView, z.object({ job: jobView }).transform(({ job }) => job)]);

/** Submits `request` and answers the new job's id. */
export async function submitJob(client: ApiClient, request: DemoRequest): Promise<string> {
  const job = await client.call("POST", "/api/v1/jobs", created, request);
  return job.job_id;
}

/** Reads a job's record. */
export function readJob(client: ApiClient, jobId: string): Promise<JobView> {
  return client.call("GET", `/api/v1/jobs/${jobId}`, created);
}

/** The events also come wrapped, as `{type, data, …}`; both shapes carry the same data. */
function dataOf(event: StreamEvent): unknown {
  const wrapped = z.object({ data: z.unknown(), type: z.string() }).safeParse(event.data);
  return wrapped.success ? wrapped.data.data : event.data;
}

function lastLine(text: string): string | undefined {
  return text
    .split("\n")
    .map(harmless)
    .findLast((line) => line.length > 0);
}

function short(text: string): string {
  const line = harmless(text);
  return line.length > STORY_CHARS ? `${line.slice(0, STORY_CHARS - 1)}…` : line;
}

/** Lines that stay on the screen, because they tell the story of the job. */
function storyOf(event: StreamEvent): string | undefined {
  const data = dataOf(event);
  if (event.type === "check.finished") {
    const check = checkData.safeParse(data);
    if (check.success)
      return `  ${check.data.passed ? "✔" : "✘"} ${check.data.kind}: ${short(check.data.summary)}`;
  }
  if (event.type === "heal.logged") {
    const heal = healData.safeParse(data);
    if (heal.success) return `  ↻ fix ${heal.data.n}/${heal.data.max}: ${short(heal.data.root_cause)}`;
  }
  return undefined;
}

/** Shows the job's progress until it is settled or waits for a person; answers its last record. */
export async function followJob(
  client: ApiClient,
  jobId: string,
  line: ProgressLine,
  signal: AbortSignal,
): Promise<JobView> {
  const over = new AbortController();
  const stop = () => over.abort();
  signal.addEventListener("abort", stop, { once: true });
  let job = await readJob(client, jobId);
  let output = "";
  const show = () => line.show(progressOf(job, output));
  const refresh = async () => {
    job = await readJob(client, jobId);
    show();
    if (isOver(job)) over.abort();
  };
  // A stream that is quiet, or breaks, must not hide that the job has ended.
  const timer = setInterval(() => refresh().catch(() => undefined), REFRESH_MS);
  try {
    await refresh();
    for await (const event of followEvents(client, `/api/v1/jobs/${jobId}/events`, over.signal)) {
      const text = withText.safeParse(dataOf(event));
      if (event.type === "command.output" && text.success) output = lastLine(text.data.text) ?? output;
      const story = storyOf(event);
      if (story) line.say(story);
      if (TELLING_EVENTS.has(event.type)) await refresh();
      else show();
    }
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", stop);
  }
  line.end();
  return job;
}

function isOver(job: JobView): boolean {
  return isSettled(job.status) || WAITS_FOR_PERSON.has(job.status);
}

function progressOf(job: JobView, output: string): Progress {
  return {
    progress: job.progress,
    status: job.status,
    step: isSettled(job.status) ? job.status : job.current_step,
    iteration: job.iterations,
    costUsd: job.cost_usd,
    output,
  };
}
