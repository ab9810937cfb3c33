/**
 * One task through a running factory, as any client would use it: a build job, or a repository on a git server with a
 * project and a change job; then what was delivered is judged.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { ApiClient } from "@/cli/client/api";
import type { CleanPlace } from "./clean-place";
import { type GitAccess, GitFolder } from "./git-folder";
import { judgeOwn, judgePackage } from "./judge";
import { PackageRepository } from "./repository";
import { type EvalTask, isPackage, kindOf, type TaskKind } from "./task";

const POLL_MS = 1_000;

/** Where tasks are worked off. */
export interface Place {
  /** Signed in as somebody who may file projects. */
  client: ApiClient;
  git: {
    /** Address of the repository of a task; it must be there, and take a push. */
    url(name: string): string;
    access: GitAccess | null;
  };
  /** Further fields of every job, such as models by role. */
  request: Record<string, unknown>;
  /** When a job is given up, in milliseconds. */
  limitMs: number;
  /** Ends the waiting for a job with an error. */
  signal?: AbortSignal;
}

export interface EvalResult {
  task: string;
  stack: EvalTask["stack"];
  kind: TaskKind;
  job: string;
  status: string;
  /** Why the task is not resolved, as a short name to count by; null when it is. */
  failure: string | null;
  /** The same in whole words. */
  refused: string | null;
  /** Rounds of fixing, over all tasks of the job's checklist. */
  fixes: number;
  /** Tasks of the checklist whose tests were run, and those whose first run was green. */
  firstRuns: number;
  firstGreen: number;
  costUsd: number;
  /** Calls of models. */
  turns: number;
  minutes: number;
}

// Only what is read here, so that an evaluation outlives what a later version of the factory adds.
const jobAnswer = z.object({
  job_id: z.string(),
  status: z.string(),
  run: z.number(),
  waiting_code: z.string().nullable(),
  waiting_reason: z.string().nullable(),
  error_code: z.string().nullable(),
  error_message: z.string().nullable(),
  output_path: z.string().nullable(),
  cost_usd: z.number(),
  elapsed_seconds: z.number().nullable(),
});
type JobAnswer = z.infer<typeof jobAnswer>;
const detailAnswer = z.object({
  tasks: z.array(z.object({ n: z.number(), fixes: z.number() })),
  checks: z.array(z.object({ key: z.string(), passed: z.boolean() })),
  spend: z.array(z.object({ calls: z.number() })),
});

/** What is needed to judge a task, made before its job is filed. */
interface Bench {
  /** Fields of the job's request. */
  request: Record<string, unknown>;
  /** Why what the job left does not resolve the task, or null when it does. */
  judge(job: JobAnswer): Promise<string | null>;
}

/**
 * Works a task off.
 * @param archive of a package's source; null for a task of our own
 * @param folder for its working copy, not there yet
 * @throws Error when the factory or the git server refuses; a job that fails is a result
 */
export async function evaluate(
  place: Place,
  clean: CleanPlace,
  task: EvalTask,
  archive: string | null,
  folder: string,
): Promise<EvalResult> {
  const { client } = place;
  const bench = await benchFor(place, clean, task, archive, folder);
  const { title, description, stack } = task;
  const request = { ...place.request, title, description, tech_stack: stack, ...bench.request };
  const { job_id: job } = await client.call("POST", "/api/v1/jobs", jobAnswer, request);
  const ended = await untilEnded(place, job);
  const { tasks, checks, spend } = await client.call("GET", `/api/v1/jobs/${job}/detail`, detailAnswer);
  const refused =
    ended.status === "completed"
      ? await bench.judge(ended)
      : (ended.error_message ?? ended.waiting_reason ?? `it was still ${ended.status} when its time was up`);
  const first = tasks.flatMap(({ n }) => checks.find(({ key }) => key === `task-${n}/0/test`) ?? []);
  return {
    task: task.name,
    stack,
    kind: kindOf(task),
    job,
    status: ended.status,
    failure: refused === null ? null : failureOf(ended),
    refused,
    fixes: tasks.reduce((sum, { fixes }) => sum + fixes, 0) + (ended.run > 1 ? 1 : 0),
    firstRuns: first.length,
    firstGreen: first.filter(({ passed }) => passed).length,
    costUsd: ended.cost_usd,
    turns: spend.reduce((sum, { calls }) => sum + calls, 0),
    minutes: (ended.elapsed_seconds ?? 0) / 60,
  };
}

async function benchFor(
  { client, git }: Place,
  clean: CleanPlace,
  task: EvalTask,
  archive: string | null,
  folder: string,
): Promise<Bench> {
  if (!isPackage(task) && task.kind === "build")
    return {
      request: {},
      judge: async ({ output_path }) =>
        output_path ? judgeOwn(clean, task, output_path) : "nothing was delivered",
    };
  const url = git.url(task.name);
  const project = `eval-${task.name}-${randomBytes(3).toString("hex")}`;
  let repository: GitFolder;
  let judgeCommit: (commit: string) => Promise<string | null>;
  if (isPackage(task)) {
    if (!archive) throw new Error(`The source of ${task.name} is missing.`);
    const made = PackageRepository.make(folder, task, archive);
    repository = made;
    judgeCommit = (commit) => judgePackage(clean, made, commit);
  } else {
    repository = GitFolder.of(folder, task.base);
    judgeCommit = (commit) => {
      repository.reset(commit);
      return judgeOwn(clean, task, folder);
    };
  }
  await repository.push(url, git.access);
  await client.call("POST", "/api/v1/projects", z.unknown(), {
    name: project,
    repository_url: url,
    default_branch: "main",
    ...(git.access && { username: git.access.username, token: git.access.password }),
  });
  return {
    request: { project },
    judge: async ({ job_id }) => {
      const branch = `fabrica/${job_id}`;
      const commit = await repository.fetch(url, branch, git.access);
      return commit ? judgeCommit(commit) : `there is no branch ${branch}`;
    },
  };
}

/** @returns the job as it was last, also when it was given up */
async function untilEnded({ client, limitMs, signal }: Place, id: string): Promise<JobAnswer> {
  const giveUp = Date.now() + limitMs;
  for (;;) {
    const job = await client.call("GET", `/api/v1/jobs/${id}`, jobAnswer);
    if (isOver(job) || Date.now() > giveUp) return job;
    await pause(POLL_MS, undefined, { signal });
  }
}

const OVER = ["completed", "failed", "cancelled", "escalated"];
/** Where a job rests, and why it does until a person does something or another day comes. */
const RESTING = ["paused", "pending"];
const ENDLESS = ["paused", "budget", "plan", "day_budget", "day_agent_runs"];

/** Whether nothing will happen any more unless a person does something: nobody is here who would. */
function isOver({ status, waiting_code }: JobAnswer): boolean {
  return OVER.includes(status) || (RESTING.includes(status) && ENDLESS.includes(waiting_code ?? ""));
}

function failureOf({ status, error_code, waiting_code }: JobAnswer): string {
  if (status === "completed") return "delivered, hidden tests fail";
  if (OVER.includes(status)) return `${status}: ${error_code ?? "no code"}`;
  return waiting_code ? `waits: ${waiting_code}` : "out of time";
}
