import type { Ctx } from "../../context";
import type { JobLearningsView, LearningOutcome } from "../../domain/learning";
import { findJob } from "../jobs/find-job";
import { toLearningViews } from "./learning-view";

/** Rows of one answer; a run of a job has some hundred agent runs at most. */
const MOST_GIVEN = 2_000;
const MOST_TAKEN = 200;

/**
 * What a job's agents were told, and what was found out by it.
 * @throws AppError `not_found`
 */
export async function jobLearnings({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: { id: string };
}): Promise<JobLearningsView> {
  const { db } = ctx;
  const job = await findJob(ctx, input.id);
  const [uses, taken] = await Promise.all([
    db.learningUse.findMany({
      where: { jobId: job.id },
      include: { learning: true },
      orderBy: [{ run: "asc" }, { createdAt: "asc" }, { agentRun: "asc" }, { rank: "asc" }],
      take: MOST_GIVEN,
    }),
    db.learning.findMany({
      where: { jobId: job.id, teamId: job.teamId, deletedAt: null },
      orderBy: { id: "asc" },
      take: MOST_TAKEN,
    }),
  ]);
  // What was deleted in the meantime has no words any more.
  const present = [
    ...new Map(
      uses.flatMap(({ learning }) => (learning.deletedAt ? [] : [[learning.id, learning]])),
    ).values(),
  ];
  const views = await toLearningViews(db, [...present, ...taken]);
  const viewOf = new Map(views.map((view) => [view.id, view]));
  return {
    given: uses.map(({ run, agentRun, rank, outcome, learningId }) => ({
      run,
      agent_run: agentRun,
      rank,
      outcome: outcome as LearningOutcome | null,
      learning: viewOf.get(String(learningId)) ?? null,
    })),
    taken: views.slice(present.length),
  };
}
