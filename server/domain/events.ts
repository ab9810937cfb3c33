// The one list of events in a job's log. Pages, streams, CLI and webhooks show these and nothing else.
// Names are `noun.verb`; the data of each is small, except the text of command output.
import type { JobKind } from "./job-kind";
import type { JobState } from "./job-state";
import type { Role } from "./roles";
import type { Step } from "./steps";

export interface JobEvents {
  "job.created": { title: string; kind: JobKind };
  "job.moved": { from: JobState; to: JobState; move: string; actor: string; reason: string | null };
  "job.step": { step: Step; task: number | null; progress: number; iteration: number };
  "job.priority": { priority: string; actor: string };
  "job.budget": { budget_usd: number; actor: string };
  "lease.claimed": { worker_id: string; fence: number };
  "lease.lost": { worker_id: string; fence: number; reason: string };
  /** `version`: only where a person is asked to read it. */
  "plan.written": { tasks: { n: number; title: string }[]; spec: string; version?: number };
  "plan.decided": {
    version: number;
    decision: "approved" | "changes";
    actor: string;
    remarks: string | null;
    /** Approved as the person edited it. */
    edited: boolean;
  };
  "task.done": { n: number; fixes: number };
  "agent.started": { agent_run: string; role: Role; provider: string; model: string; task: number | null };
  "agent.text": { agent_run: string; turn: number; text: string };
  "agent.call": { agent_run: string; turn: number; tool: string; title: string; command_id: string | null };
  "agent.observed": { agent_run: string; turn: number; tool: string; ok: boolean; text: string };
  "agent.nudged": { agent_run: string; turn: number; reason: string };
  "agent.finished": { agent_run: string; ok: boolean; summary: string; turns: number; cost_usd: number };
  "command.started": { command_id: string; title: string };
  "command.output": { command_id: string; stream: "stdout" | "stderr"; text: string };
  "command.finished": {
    command_id: string;
    exit_code: number | null;
    duration_ms: number;
    note: string | null;
  };
  "check.finished": { kind: string; task: number | null; passed: boolean; summary: string };
  "heal.logged": {
    n: number;
    max: number;
    failing: string;
    root_cause: string;
    files_changed: string[];
    result: string;
  };
  "spend.settled": { role: Role; model: string; cost_usd: number; total_usd: number };
  "spend.alert": { total_usd: number; threshold_usd: number };
  /** The team's day has reached this part of its cap, with a call of this job. */
  "spend.day_alert": { spent_usd: number; cap_usd: number; percent: number };
  /** No more can be bought: what the job has done so far, and which tasks are open. `whose`: the cap that is reached. */
  "budget.reached": {
    whose: "job" | "day";
    cap_usd: number;
    spent_usd: number;
    tasks_done: number;
    tasks: number;
    open: string[];
    commit: string | null;
  };
  /** Another model stands in from this turn on. */
  "model.fallback": { agent_run: string; turn: number; from: string; to: string; reason: string };
  /** Which turn gets no answer now; events from before these fields do not say. */
  "model.waiting": {
    agent_run?: string;
    turn?: number;
    fault: string;
    message: string;
    retry_in_ms: number;
  };
  "workspace.committed": { commit: string; message: string; files: number; added: number; removed: number };
  /** The head was taken away from what an agent had left: commits of `from` that `to` has not are no part of the work. */
  "workspace.moved": { from: string; to: string };
  /** Files that this job and another one, by its public id, have both touched or declared; `more` are not named. */
  "files.conflict": { with: string; paths: string[]; more: number };
  /** A candidate of this job is over; and which of them was taken, null when none could be. */
  "candidate.settled": { job_id: string; n: number; status: JobState };
  "candidate.chosen": { job_id: string | null; n: number | null; why: string };
  "delivery.done": { target: string; path: string | null; commit: string };
  /** What an external agent says of its work. Its word is shown, never believed. */
  "external.started": { agent: string | null };
  "external.iteration": { n: number };
  "external.task": { id: string; done: boolean };
  "external.lock": { files: string[] };
  "external.learning": { kind: string; text: string };
  "external.usage": { tokens: number; cost: number };
  "external.commit": { sha: string };
  "external.said": { text: string };
  "external.stuck": { reason: string };
  "external.completed": { summary: string };
  "external.failed": { reason: string };
  /** A type that nobody here knows, with its data as text. */
  "external.unknown": { name: string; data: string };
  /** Lines that follow no contract: how many since the last time, and the first of them. */
  "external.invalid": { count: number; sample: string };
  "job.note": { text: string };
  /** A person's message to the agents of the job, and the turn in whose question messages stood. */
  "steer.sent": { message: string; author: string; text: string };
  "steer.delivered": { messages: string[]; agent_run: string; turn: number };
  /** What the run before had not read waits in this one. */
  "steer.carried": { messages: string[] };
}
export type JobEventType = keyof JobEvents;

/** What is appended. */
export type NewJobEvent = { [T in JobEventType]: { type: T; data: JobEvents[T] } }[JobEventType];

/** What is read back. `at` is ISO 8601 in UTC. */
export type JobEvent = NewJobEvent & { seq: number; run: number; at: string };
