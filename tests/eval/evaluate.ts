/**
 * One task through a running factory, as any client would use it: a repository on a git server, a project, a change
 * job, and at the end the branch that came of it, which the package's own tests judge.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { ApiClient } from "@/cli/client/api";
import { isSettled } from "@/server/domain/job-state";
import { type JobView, jobDetailView, jobView } from "@/server/domain/outputs";
import { projectView } from "@/server/domain/project";
import { refusal } from "./judge";
import { type GitAccess, TaskRepository } from "./repository";
import { runSuite } from "./run-suite";
import type { EvalTask } from "./task";

const POLL_MS = 1_000;

export interface Place {
  /** Signed in as somebody who may file projects. */
  client: ApiClient;
  git: {
    /** Address of the repository of a task; it must be there, and take a push. */
    url(name: string): string;
    access: GitAccess | null;
  };
  /** Models by role; the factory's own when left out. */
  models?: Record<string, string>;
  /** When a job is given up, in milliseconds. */
  limitMs: number;
}

export interface EvalResult {
  task: string;
  job: string;
  status: JobView["status"];
  /** What the factory says of a job that did not complete. */
  said: string | null;
  /** Why the task is not resolved, or null when it is. */
  refused: string | null;
  costUsd: number;
  /** Calls of models. */
  turns: number;
  minutes: number;
}

/**
 * Works a task off.
 * @param folder for its working copy, not there yet
 * @throws Error when the factory or the git server refuses; a job that fails is a result
 */
export async function evaluate(
  { client, git, models, limitMs }: Place,
  task: EvalTask,
  archive: string,
  folder: string,
): Promise<EvalResult> {
  const repository = TaskRepository.make(folder, task, archive);
  const url = git.url(task.name);
  await repository.push(url, git.access);
  const project = `eval-${task.name}-${randomBytes(3).toString("hex")}`;
  await client.call("POST", "/api/v1/projects", projectView, {
    name: project,
    repository_url: url,
    default_branch: "main",
    ...(git.access && { username: git.access.username, token: git.access.password }),
  });
  const { job_id: job } = await client.call("POST", "/api/v1/jobs", jobView, {
    title: task.title,
    description: task.description,
    tech_stack: task.stack,
    project,
    ...(models && { models }),
  });
  const ended = await untilSettled(client, job, limitMs);
  const { spend } = await client.call("GET", `/api/v1/jobs/${job}/detail`, jobDetailView);
  return {
    task: task.name,
    job,
    status: ended.status,
    said: ended.error_message,
    refused: await judge(repository, url, `fabrica/${job}`, git.access),
    costUsd: ended.cost_usd,
    turns: spend.reduce((sum, { calls }) => sum + calls, 0),
    minutes: (ended.elapsed_seconds ?? 0) / 60,
  };
}

/** @returns the job as it was last, also when it was given up */
async function untilSettled(client: ApiClient, id: string, limitMs: number): Promise<JobView> {
  const giveUp = Date.now() + limitMs;
  for (;;) {
    const job = await client.call("GET", `/api/v1/jobs/${id}`, jobView);
    if (isSettled(job.status) || Date.now() > giveUp) return job;
    await pause(POLL_MS);
  }
}

/** Why a branch does not resolve its task, or null when it does. */
async function judge(
  repository: TaskRepository,
  url: string,
  branch: string,
  access: GitAccess | null,
): Promise<string | null> {
  const commit = await repository.fetch(url, branch, access);
  if (!commit) return `there is no branch ${branch}`;
  repository.toImport();
  const released = await runSuite(repository.folder, repository.task);
  repository.toJudge(commit);
  return refusal(released, await runSuite(repository.folder, repository.task));
}
