// The debugger: asked when two fixes did not help, or when an agent of a task is stuck. It looks into it with a fresh
// context; what it changes is taken back, what it found goes to whoever works on the task after it.
import { type Briefing, firstMessage } from "../agents/first-message";
import type { DebuggerResult } from "../agents/roles/debugger";
import { startAgentRun } from "../agents/start-agent-run";
import type { Db } from "../db";
import { NOTES } from "../domain/agent-notes";
import { Stuck } from "../domain/step-outcome";
import { taskProgress } from "../domain/steps";
import type { Job } from "../generated/prisma/client";
import { activeJob } from "../services/jobs/active-job";
import { stepChange } from "../services/jobs/set-step";
import { learningsFor } from "../services/memory/learnings-for";
import { jobRepository } from "../services/workspace/job-repository";
import { editTree } from "../workspaces/edit-tree";
import { log, readTree } from "../workspaces/read-files";
import { writeCommit } from "../workspaces/write-commit";
import { moveHead, spanOf } from "./agent-span";
import { stuckReasonOf } from "./agent-turn";
import { briefAgent } from "./brief-agent";
import { failureText } from "./check-task";
import { refillSandbox } from "./run-programs";
import { type TaskRef, taskOf } from "./task-ref";

/** The fix round before which the debugger is asked. */
export const DEBUG_BEFORE_FIX = 3;

/** What is looked into: a task that stays red before this round, or an agent by its name in the task. */
export type Trouble = { round: number } | { stuck: string };

const debuggerKey = (n: number, trouble: Trouble) =>
  "round" in trouble ? `task-${n}/debugger` : `task-${n}/debug-${trouble.stuck}`;

/** Begins the debugger. @returns null when the fixes are used up and nobody would read it */
export async function beginDebug(db: Db, ref: TaskRef, trouble: Trouble): Promise<{ agent: string | null }> {
  const job = await activeJob(db, ref);
  if ("round" in trouble && trouble.round > job.maxFixes) return { agent: null };
  const { done: _, fixes: __, ...task } = await taskOf(db, job, ref);
  const [{ brief, ignored }, failure] = await Promise.all([
    briefAgent(db, job),
    "round" in trouble
      ? failureOf(db, job, ref.n, trouble.round - 1)
      : stuckFailure(db, job, ref.n, trouble.stuck),
  ]);
  const key = debuggerKey(ref.n, trouble);
  const step = stepChange(job, {
    step: "fix",
    progress: taskProgress(ref.n, ref.of, "fix"),
    task: ref.n,
  });
  const learnings = await learningsFor(db, job, { agentRun: key, task: task.title, failure });
  const first = firstMessage(job, { ...brief, task, failure, learnings });
  await startAgentRun(db, { job, key, role: "debugger", first, task: ref.n, step, ignored });
  return { agent: key };
}

/** The failing output and what was taken for its cause so far. */
async function failureOf(db: Db, job: Job, n: number, round: number): Promise<string> {
  const { text } = await failureText(db, job, n, round);
  const fixes = await db.agentRun.findMany({
    where: { jobId: job.id, run: job.run, role: "fixer", key: { startsWith: `task-${n}/fix-` } },
    orderBy: { id: "asc" },
  });
  const tried = fixes.flatMap(({ key, result }) => {
    const cause = (result as { root_cause?: string } | null)?.root_cause;
    return cause ? [`${key} took this for the cause, and it did not help: ${cause}`] : [];
  });
  return [text, ...tried].join("\n\n");
}

async function stuckFailure(db: Db, job: Job, n: number, name: string): Promise<string> {
  const reason = (await reasonOf(db, job, n, name)) ?? "It is not said why.";
  const round = Number(/^fix-(\d+)$/.exec(name)?.[1] ?? 0);
  if (round === 0) return `${name}: ${reason}`;
  return `${name}: ${reason}\n\n${await failureOf(db, job, n, round - 1)}`;
}

/** Why an agent of a task is stuck; its second try first. */
async function reasonOf(db: Db, job: Job, n: number, name: string): Promise<string | null> {
  const found = await db.agentRun.findMany({
    where: { jobId: job.id, run: job.run, key: { in: [`task-${n}/${name}-again`, `task-${n}/${name}`] } },
    orderBy: { id: "desc" },
  });
  return found.map(stuckReasonOf).find((reason) => reason !== null) ?? null;
}

/**
 * Takes back what the debugger left in the workspace, and the note of the agent that was stuck.
 * @throws Stuck when it recommends to give up; NotYet while the sandbox is filled
 */
export async function settleDebug(db: Db, ref: TaskRef, trouble: Trouble): Promise<{ settled: true }> {
  const job = await activeJob(db, ref);
  const span = await spanOf(db, job, debuggerKey(ref.n, trouble));
  if (!span) return { settled: true };
  const result = span.agentRun.result as Partial<DebuggerResult> | null;
  if (span.agentRun.state === "finished" && result?.recommendation === "give_up")
    throw new Stuck(`The debugger sees no way to finish task ${ref.n}: ${result.root_cause}`);
  const to = await withoutStuckNote(job, span.start);
  await moveHead(db, job, { from: span.end, to });
  // Also when no file of it was committed: what is ignored, or runs on, is taken back with the sandbox.
  await refillSandbox(db, job, `${span.agentRun.key}/back`);
  return { settled: true };
}

/** The next one would be taken for stuck with it. One that the repository itself has stays. */
async function withoutStuckNote(job: Job, commit: string): Promise<string> {
  const dir = jobRepository(job.publicId);
  const fileAt = async (at: string) => (await readTree(dir, at)).find(({ path }) => path === NOTES.stuck);
  const [now, own] = await Promise.all([fileAt(commit), job.baseRoot ? fileAt(job.baseRoot) : undefined]);
  if (now?.oid === own?.oid) return commit;
  const tree = await editTree(dir, commit, [[NOTES.stuck, own ? { mode: "100644", oid: own.oid } : null]]);
  const [{ at } = { at: new Date(0) }] = await log(dir, commit, 1);
  const seconds = Math.floor(at.getTime() / 1000);
  return writeCommit(dir, { tree, parents: [commit], message: "The debugger was asked", seconds });
}

/**
 * Ends the job for a person: an agent is stuck, and the debugger was asked before.
 * @throws Stuck always
 */
export async function stuckAfterDebugger(db: Db, ref: TaskRef, name: string): Promise<never> {
  const job = await activeJob(db, ref);
  const reason = await reasonOf(db, job, ref.n, name);
  throw new Stuck(`${reason ?? `Task ${ref.n} is stuck.`} The debugger was asked before.`);
}

/** What the debuggers of a task found, for the first message of whoever goes on; nothing when none was asked. */
export async function findingsOf(db: Db, job: Job, n: number): Promise<Pick<Briefing, "findings">> {
  const results = await debuggersOf(db, job, n);
  if (results.length === 0) return {};
  const parts = results.map(
    ({ root_cause, evidence, findings, recommendation }) =>
      `Root cause: ${root_cause}\nEvidence: ${evidence}\nFindings: ${findings}\nRecommendation: ${recommendation}`,
  );
  return { findings: parts.join("\n\n") };
}

/** Whether a debugger of the task found the tests or the specification to blame. */
export async function mayTouchTests(db: Db, job: Job, n: number): Promise<boolean> {
  const results = await debuggersOf(db, job, n);
  return results.some(
    ({ recommendation }) => recommendation === "test_is_wrong" || recommendation === "spec_is_unclear",
  );
}

async function debuggersOf(db: Db, job: Job, n: number): Promise<DebuggerResult[]> {
  const found = await db.agentRun.findMany({
    where: {
      jobId: job.id,
      run: job.run,
      role: "debugger",
      state: "finished",
      key: { startsWith: `task-${n}/` },
    },
    orderBy: { id: "asc" },
  });
  return found.map(({ result }) => result as unknown as DebuggerResult);
}
