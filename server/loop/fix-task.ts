// Step "fix": the fixer gets the whole failing output; each round leaves a line in the heal log.
import { firstMessage } from "../agents/first-message";
import { startAgentRun } from "../agents/start-agent-run";
import { type Db, runStatement } from "../db";
import { GiveUp } from "../domain/step-outcome";
import { taskProgress } from "../domain/steps";
import { ANNOUNCED, appending } from "../events/append";
import { Prisma } from "../generated/prisma/client";
import { activeJob } from "../services/jobs/active-job";
import { stepChange } from "../services/jobs/set-step";
import { learningsFor } from "../services/memory/learnings-for";
import { briefAgent } from "./brief-agent";
import { failureText } from "./check-task";
import { findingsOf } from "./debug-task";
import { fixerKey } from "./fixer-key";
import { type TaskRef, taskOf } from "./task-ref";

/**
 * Begins fix round `round` (from 1) of a task whose checks are red.
 * @param again whether the round's first fixer was stuck, and a debugger has looked into it
 * @throws GiveUp when the rounds are used up
 */
export async function beginFix(
  db: Db,
  ref: TaskRef,
  round: number,
  again = false,
): Promise<{ agent: string }> {
  const job = await activeJob(db, ref);
  const { text, failing } = await failureText(db, job, ref.n, round - 1);
  if (round > job.maxFixes) {
    throw new GiveUp(
      "out_of_fixes",
      `Task ${ref.n} is still red after ${job.maxFixes} fixes: ${failing}. The last commit is kept.`,
    );
  }
  const { done: _, fixes: __, ...task } = await taskOf(db, job, ref);
  const [{ brief, ignored }, findings] = await Promise.all([briefAgent(db, job), findingsOf(db, job, ref.n)]);
  const key = fixerKey(ref.n, round, again);
  const learnings = await learningsFor(db, job, { agentRun: key, task: task.title, failure: text });
  const first = firstMessage(job, {
    ...brief,
    task,
    failure: text,
    attempt: { n: round, max: job.maxFixes },
    ...findings,
    learnings,
  });
  const step = stepChange(job, {
    step: "fix",
    progress: taskProgress(ref.n, ref.of, "fix"),
    task: ref.n,
  });
  // Every second round is the other model's, where two are configured, and so is what follows on being stuck.
  const attempt = again ? round + 1 : round;
  await startAgentRun(db, { job, key, role: "fixer", first, task: ref.n, attempt, step, ignored });
  return { agent: key };
}

/** Writes the heal log entry of a finished round and counts the fix. */
export async function logFix(db: Db, ref: TaskRef, round: number, green: boolean): Promise<{ logged: true }> {
  const job = await activeJob(db, ref);
  const { failing } = await failureText(db, job, ref.n, round - 1);
  // Of two the second one: the first was stuck.
  const agentRun = await db.agentRun.findFirstOrThrow({
    where: {
      jobId: job.id,
      run: job.run,
      key: { in: [fixerKey(ref.n, round), fixerKey(ref.n, round, true)] },
    },
    orderBy: { id: "desc" },
  });
  const result = (agentRun.result ?? {}) as { root_cause?: string; files_changed?: string[] };
  const data = {
    n: round,
    max: job.maxFixes,
    failing,
    root_cause: result.root_cause ?? "not said",
    files_changed: result.files_changed ?? [],
    result: green ? ("green" as const) : ("still red" as const),
  };
  await runStatement(
    db,
    Prisma.sql`
    WITH counted_fix AS (
      UPDATE task SET fixes = ${round}::int
      WHERE job_id = ${job.id} AND run = ${job.run}::int AND n = ${ref.n}::int AND fixes = ${round - 1}::int
      RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM counted_fix`, [{ type: "heal.logged", data }])}
    ${ANNOUNCED}`,
  );
  return { logged: true };
}
