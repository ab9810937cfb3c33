// The end of best of N: which candidate is taken is decided once and kept with the figures; its commits go into the
// parent's repository as they are, and the parent's head follows in one statement. Each part finds what it did before.
import { type Db, runStatement } from "../db";
import { chooseCandidate } from "../domain/choose-candidate";
import { isSettled } from "../domain/job-state";
import { mapText, plainText } from "../domain/plain-json";
import { GiveUp, NotYet } from "../domain/step-outcome";
import { PROGRESS } from "../domain/steps";
import { ANNOUNCED, appending } from "../events/append";
import { type CandidateChoice, type Job, Prisma } from "../generated/prisma/client";
import { figuresOf } from "../services/candidates/candidate-figures";
import { candidatesOf } from "../services/candidates/make-candidates";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { stepChange } from "../services/jobs/set-step";
import { jobRepository } from "../services/workspace/job-repository";
import { copyCommits } from "../workspaces/copy-commits";
import { isAncestor } from "../workspaces/merge-base";
import { WorkspaceRefused } from "../workspaces/refusal";

/**
 * Takes the best candidate's work over.
 * @returns its number
 * @throws GiveUp `no_candidate` when none came to a green end
 */
export async function takeBestCandidate(db: Db, ref: RunRef): Promise<{ chosen: number }> {
  const job = await activeJob(db, ref);
  const children = await candidatesOf(db, job);
  const choice = await choiceOf(db, job, children);
  const winner = children.find(({ id }) => id === choice.chosenId);
  if (!winner?.headCommit) throw new GiveUp("no_candidate", choice.why);
  if (await standsBelow(job, winner, winner.headCommit)) await takeOver(db, job, winner, winner.headCommit);
  return { chosen: winner.candidateN ?? 0 };
}

/** The stored choice, made now when there is none. */
async function choiceOf(db: Db, job: Job, children: readonly Job[]): Promise<CandidateChoice> {
  const key = { jobId: job.id, run: job.run };
  const known = await db.candidateChoice.findUnique({ where: { jobId_run: key } });
  if (known) return known;
  if (children.some(({ state }) => !isSettled(state))) throw new NotYet({ kind: "later", ms: 1_000 });
  const figures = await figuresOf(db, children, job.headCommit);
  const { chosen, why, reasons } = chooseCandidate(figures);
  const winner = children.find(({ candidateN }) => candidateN === chosen) ?? null;
  const table = figures.map((one) => ({ ...one, why: reasons[one.n] ?? "" }));
  const data = { job_id: winner?.publicId ?? null, n: chosen, why };
  await runStatement(
    db,
    Prisma.sql`
    WITH made AS (
      INSERT INTO candidate_choice (job_id, run, chosen_id, why, figures)
      VALUES (${job.id}, ${job.run}::int, ${winner?.id ?? null}::bigint, ${plainText(why)},
        ${JSON.stringify(mapText(table, plainText))}::jsonb)
      ON CONFLICT DO NOTHING RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM made`, [{ type: "candidate.chosen", data }])}
    ${ANNOUNCED}`,
  );
  return db.candidateChoice.findUniqueOrThrow({ where: { jobId_run: key } });
}

/**
 * Brings the winner's commits into the parent's repository.
 * @returns whether the parent still stands where its candidates began; else it took the work before, and went on from it
 * @throws GiveUp when the parent cannot have them
 */
async function standsBelow(job: Job, winner: Job, commit: string): Promise<boolean> {
  if (job.headCommit === commit) return false;
  const to = jobRepository(job.publicId);
  try {
    await copyCommits({ from: jobRepository(winner.publicId), to, commit, without: job.headCommit });
    return job.headCommit === null || (await isAncestor(to, job.headCommit, commit));
  } catch (error) {
    if (error instanceof WorkspaceRefused)
      throw new GiveUp(
        "workspace",
        `The work of candidate ${winner.candidateN} cannot be taken: ${error.message}`,
      );
    throw error;
  }
}

async function takeOver(db: Db, job: Job, winner: Job, commit: string): Promise<void> {
  const { events, set } = stepChange(job, {
    step: "test",
    progress: PROGRESS.tasksDone,
    iteration: winner.iterations,
  });
  const results = winner.testResults === null ? null : JSON.stringify(winner.testResults);
  const rows = await runStatement(
    db,
    Prisma.sql`
    WITH held AS (
      SELECT id FROM job WHERE id = ${job.id} AND run = ${job.run}::int AND state = 'running'
        AND head_commit IS NOT DISTINCT FROM ${job.headCommit} FOR UPDATE
    ), ticked AS (
      UPDATE task t SET done = w.done, fixes = w.fixes FROM task w
      WHERE t.job_id IN (SELECT id FROM held) AND t.run = ${job.run}::int
        AND w.job_id = ${winner.id} AND w.run = ${winner.run}::int AND w.n = t.n
    ), ${appending(
      Prisma.sql`SELECT id FROM held`,
      events,
      Prisma.sql`, head_commit = ${commit}, test_results = ${results}::jsonb ${set}`,
    )}
    ${ANNOUNCED}`,
  );
  // Stopped meanwhile, or done by the same step a moment ago: the next look tells which.
  if (rows.length === 0) throw new NotYet({ kind: "later", ms: 100 });
}
