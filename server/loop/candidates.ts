// Best of N (J9): a job that is worked out several times side by side. It plans, makes its candidates and rests holding
// nothing (invariant 7); when all are over it takes the best one's work and goes on as if it had done it itself.
import { firstMessage } from "../agents/first-message";
import type { ArchitectResult } from "../agents/roles/architect";
import { startAgentRun } from "../agents/start-agent-run";
import type { Db } from "../db";
import { workKind } from "../domain/job-kind";
import { isSettled } from "../domain/job-state";
import { specFile } from "../domain/spec-file";
import { GiveUp, NotYet } from "../domain/step-outcome";
import { PROGRESS } from "../domain/steps";
import type { Job } from "../generated/prisma/client";
import { type Approach, candidatesOf, makeCandidates } from "../services/candidates/make-candidates";
import { wakeParentOf } from "../services/candidates/wake-parent";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { moveAlone } from "../services/jobs/move-job";
import { pauseForCandidates } from "../services/jobs/pause-itself";
import { setStep } from "../services/jobs/set-step";
import { jobRepository } from "../services/workspace/job-repository";
import { workspaceText } from "../services/workspace/workspace-files";
import { diffStat } from "../workspaces/diff";
import { agentFiles } from "./agent-files";

const ARCHITECT_KEY = "candidates/architect";

/** Begins the architect, who gives each candidate an approach of its own; nothing when they are there already. */
export async function beginApproaches(db: Db, ref: RunRef): Promise<{ agent: string | null }> {
  const job = await activeJob(db, ref);
  if ((await candidatesOf(db, job)).length > 0) return { agent: null };
  const spec = await workspaceText(job, specFile(workKind(job)));
  const { files, ignored, folder } = await agentFiles(db, job);
  const first = `${firstMessage(job, { spec, files, folder })}\n<approaches>${job.candidates}</approaches>`;
  await startAgentRun(db, { job, key: ARCHITECT_KEY, role: "architect", first, task: null, ignored });
  return { agent: ARCHITECT_KEY };
}

/**
 * Makes the candidates of this run and lets the job rest until they are over: one transaction, once.
 * @returns how many there are, when all are over
 * @throws NotYet `paused` while one is not
 */
export async function splitIntoCandidates(db: Db, ref: RunRef): Promise<{ candidates: number }> {
  const job = await activeJob(db, ref);
  const [spec, approaches] = await Promise.all([
    workspaceText(job, specFile(workKind(job))),
    approachesOf(db, job),
  ]);
  if (!spec) throw new GiveUp("no_plan", "There is no plan that candidates could work off.");
  await setStep(db, job, { step: "generate", progress: PROGRESS.planned });
  const { count, resting } = await db.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${job.id} FOR UPDATE`;
    const parent = await tx.job.findUniqueOrThrow({ where: { id: job.id } });
    // Moved since it was looked at: the next look tells how.
    if (parent.state !== "running" || parent.run !== job.run || parent.engineRunId !== job.engineRunId)
      throw new NotYet({ kind: "later", ms: 100 });
    const known = await candidatesOf(tx, parent);
    const all = known.length > 0 ? known : await makeCandidates(tx, { parent, spec, approaches });
    const rests = all.some(({ state }) => !isSettled(state));
    if (rests) await pauseForCandidates(tx, parent, all.length);
    return { count: all.length, resting: rests };
  });
  if (resting) throw new NotYet({ kind: "paused" });
  return { candidates: count };
}

async function approachesOf(db: Db, job: Job): Promise<Approach[]> {
  const run = await db.agentRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key: ARCHITECT_KEY } },
  });
  return (run?.result as ArchitectResult | null)?.approaches ?? [];
}

/**
 * Ends a candidate by the verdict of its validation: it is never delivered, and nobody is asked about it.
 * @param summary why it was rejected
 */
export async function endCandidate(db: Db, job: Job, passed: boolean, summary: string): Promise<void> {
  const moved = passed
    ? await moveAlone(db, {
        job: job.id,
        run: job.run,
        move: "candidate_done",
        actor: "factory",
        set: { progress: PROGRESS.delivered, changes: await changesOf(job) },
      })
    : await moveAlone(db, {
        job: job.id,
        run: job.run,
        move: "gave_up",
        actor: "factory",
        reason: summary,
        set: { errorCode: "rejected", errorMessage: summary },
      });
  await wakeParentOf(db, moved);
}

const SHOWN_FILES = 2_000;

async function changesOf({ publicId, baseRoot, headCommit }: Job) {
  const all = headCommit ? await diffStat(jobRepository(publicId), baseRoot, headCommit) : [];
  const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);
  return {
    files: all
      .slice(0, SHOWN_FILES)
      .map(({ path, added, removed, status }) => ({ path, added, removed, status })),
    added: sum(all.map(({ added }) => added)),
    removed: sum(all.map(({ removed }) => removed)),
  };
}
