import type { Db } from "../../db";
import type { CandidateFigures } from "../../domain/choose-candidate";
import type { CandidateView } from "../../domain/outputs";
import { STEPS } from "../../domain/steps";
import type { Job } from "../../generated/prisma/client";
import { modelFor } from "../../models/choose-model";
import { figuresOf } from "./candidate-figures";
import { candidatesOf } from "./make-candidates";

/** What was stored with a choice: the figures as they were, and what each was told. */
type Judged = CandidateFigures & { why: string };

/** The candidates of a job's present run side by side; none for a job that is worked out once. */
export async function candidateViews(db: Db, job: Job): Promise<CandidateView[]> {
  if (job.candidates === 1) return [];
  const [children, choice] = await Promise.all([
    candidatesOf(db, job),
    db.candidateChoice.findUnique({ where: { jobId_run: { jobId: job.id, run: job.run } } }),
  ]);
  const judged = choice?.figures as Judged[] | undefined;
  // Until one is taken its parent stands where all of them began.
  const figures: (CandidateFigures & { why?: string })[] =
    judged ?? (await figuresOf(db, children, job.headCommit));
  return children.flatMap((child) => {
    const own = figures.find(({ n }) => n === child.candidateN);
    return own ? [viewOf(child, own, choice?.chosenId === child.id)] : [];
  });
}

function viewOf(child: Job, figures: CandidateFigures & { why?: string }, chosen: boolean): CandidateView {
  const { provider, model } = modelFor("coder", child.models as Record<string, string>);
  const { job_id, n, tests, held_back, lint, diff, cost_usd, turns, duration_seconds, why } = figures;
  return {
    job_id,
    n,
    status: child.state,
    approach: child.approach,
    model: `${provider}/${model}`,
    current_step: STEPS.find((step) => step === child.currentStep) ?? null,
    progress: child.progress,
    tests,
    held_back,
    lint,
    diff,
    cost_usd,
    turns,
    duration_seconds: child.startedAt ? duration_seconds : null,
    error: figures.error,
    chosen,
    why: why ?? null,
  };
}
