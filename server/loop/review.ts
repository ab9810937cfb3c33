// Step "review": one reviewer reads the whole work when everything is green. Blockers are mended once; if that breaks
// what was green, it is taken back. Invariant: a review fails no job, and costs one agent run and one fix at most.
import { firstMessage } from "../agents/first-message";
import type { ReviewResult } from "../agents/roles/reviewer";
import { startAgentRun } from "../agents/start-agent-run";
import { type Db, runStatement } from "../db";
import { NOTES_FOLDER } from "../domain/agent-notes";
import { FACTORY_FOLDER } from "../domain/spec-file";
import { PROGRESS } from "../domain/steps";
import { env } from "../env";
import { ANNOUNCED, appending } from "../events/append";
import { type Job, Prisma } from "../generated/prisma/client";
import { activeJob, leasedMs, type RunRef } from "../services/jobs/active-job";
import { stepChange } from "../services/jobs/set-step";
import { jobRepository } from "../services/workspace/job-repository";
import { diff } from "../workspaces/diff";
import { moveHead, spanOf } from "./agent-span";
import { stuckReasonOf } from "./agent-turn";
import { briefAgent } from "./brief-agent";
import { bundlesHold } from "./check-deploy-bundle";
import { lintAndTest } from "./check-task";
import { putTestsBack } from "./restore-tests";
import { refillSandbox } from "./run-programs";
import { storeCheck } from "./store-check";

const REVIEWER_KEY = "review/reviewer";
const FIXER_KEY = "review/fixer";
const DIFF_BYTES = 80_000;

/** Behind the soft limit nothing is begun that a green job can do without: it would run into the hard one. */
const isLate = (job: Job) => leasedMs(job) > env().JOB_SOFT_TIMEOUT * 1000;

/** Begins the reviewer. @returns null when there is nothing to read, or no time */
export async function beginReview(db: Db, ref: RunRef): Promise<{ agent: string | null }> {
  const job = await activeJob(db, ref);
  if (job.state !== "running" || !job.headCommit || job.headCommit === job.baseRoot) return { agent: null };
  if (isLate(job)) return { agent: null };
  const without = [FACTORY_FOLDER, NOTES_FOLDER];
  const options = { without, maxBytes: DIFF_BYTES };
  const [{ brief, ignored }, { text, truncated }] = await Promise.all([
    briefAgent(db, job),
    diff(jobRepository(job.publicId), job.baseRoot, job.headCommit, options),
  ]);
  const shown = truncated ? `${text}\n[It goes on; read the files for the rest.]` : text;
  const first = firstMessage(job, { ...brief, diff: shown });
  const step = stepChange(job, { step: "review", progress: PROGRESS.tasksDone });
  await startAgentRun(db, { job, key: REVIEWER_KEY, role: "reviewer", first, task: null, ignored, step });
  return { agent: REVIEWER_KEY };
}

/** Stores what the reviewer said. @returns whether there is something to be mended first */
export async function storeReview(db: Db, ref: RunRef): Promise<{ fix: boolean }> {
  const job = await activeJob(db, ref);
  const agentRun = await runOf(db, job, REVIEWER_KEY);
  if (!agentRun) return { fix: false };
  if (agentRun.state !== "finished") {
    await note(db, job, `There is no review: ${stuckReasonOf(agentRun) ?? "the reviewer came to no end"}`);
    return { fix: false };
  }
  const review = agentRun.result as unknown as ReviewResult;
  const fix = blockersOf(review).length > 0;
  const findings = review.findings.map(({ severity, ...finding }) => ({ criterion: severity, ...finding }));
  await storeCheck(db, job, {
    key: "review",
    kind: "review",
    passed: !fix,
    report: { verdict: review.verdict, summary: review.summary, findings },
    summary: `${fix ? "changes asked for" : "approved"}: ${review.summary}`,
    task: null,
  });
  return { fix };
}

/** Only these are worth another round: a reviewer that asks for changes without one has nothing that must be mended. */
function blockersOf({ verdict, findings }: ReviewResult) {
  return verdict === "request_changes" ? findings.filter(({ severity }) => severity === "blocker") : [];
}

const runOf = (db: Db, job: Job, key: string) =>
  db.agentRun.findUnique({ where: { jobId_run_key: { jobId: job.id, run: job.run, key } } });

/** Begins the fixer of what the review found. @returns null when there is no time */
export async function beginReviewFix(db: Db, ref: RunRef): Promise<{ agent: string | null }> {
  const job = await activeJob(db, ref);
  if (isLate(job)) return { agent: null };
  const agentRun = await runOf(db, job, REVIEWER_KEY);
  const findings = blockersOf(agentRun?.result as unknown as ReviewResult);
  const failure = findings
    .map(
      ({ file, line, expected, observed }) =>
        `review: ${file}:${line} expected ${expected}; observed ${observed}`,
    )
    .join("\n\n");
  const { brief, ignored } = await briefAgent(db, job);
  const first = firstMessage(job, { ...brief, failure, attempt: { n: 1, max: 1 } });
  const step = stepChange(job, { step: "fix", progress: PROGRESS.tasksDone });
  await startAgentRun(db, { job, key: FIXER_KEY, role: "fixer", first, task: null, ignored, step });
  return { agent: FIXER_KEY };
}

/**
 * Checks what the fixer of a review made of it, and takes it back when it is not green any more.
 * @param of tasks of the plan
 */
export async function settleReviewFix(db: Db, ref: RunRef, of: number): Promise<{ kept: boolean }> {
  const job = await activeJob(db, ref);
  const span = await spanOf(db, job, FIXER_KEY);
  if (!span) return { kept: false };
  const { start, end } = span;
  const name = "the fix after the review";
  const fixed = await putTestsBack(db, job, { start, end, spared: new Set(), key: FIXER_KEY, name });
  // The checks run on what the fixer has left, also when this step is done again after it was taken back.
  const left = { ...job, headCommit: fixed };
  const green = await lintAndTest(db, left, { n: of, of }, { base: "review/fixed" });
  const holds = green && (await bundlesHold(db, left, "review/fixed/deploy"));
  await logReviewFix(db, job, span.agentRun.result, holds);
  if (holds) return { kept: true };
  await moveHead(db, job, {
    from: fixed,
    to: start,
    note: "What was mended after the review broke lint, tests or the deploy bundle; it was taken back. The findings stay in the log.",
  });
  await refillSandbox(db, job, "review/back");
  return { kept: false };
}

/** The heal log of a review is one entry, once. */
async function logReviewFix(db: Db, job: Job, result: unknown, green: boolean): Promise<void> {
  const { root_cause, files_changed } = (result ?? {}) as { root_cause?: string; files_changed?: string[] };
  const data = {
    n: 1,
    max: 1,
    failing: "review",
    root_cause: root_cause ?? "not said",
    files_changed: files_changed ?? [],
    result: green ? "green" : "taken back",
  };
  const kind = "review";
  await runStatement(
    db,
    Prisma.sql`
    WITH made AS (
      INSERT INTO check_run (job_id, run, key, kind, passed, report)
      VALUES (${job.id}, ${job.run}::int, 'review/fixed', ${kind}, ${green},
        ${JSON.stringify({ summary: green ? "What the review asked for was mended once." : "What was mended after the review was taken back: lint or tests failed with it." })}::jsonb)
      ON CONFLICT DO NOTHING RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM made`, [{ type: "heal.logged", data }])}
    ${ANNOUNCED}`,
  );
}

async function note(db: Db, job: Job, text: string): Promise<void> {
  await runStatement(
    db,
    Prisma.sql`
    WITH ${appending(Prisma.sql`SELECT ${job.id}::bigint`, [{ type: "job.note", data: { text } }])}
    ${ANNOUNCED}`,
  );
}
