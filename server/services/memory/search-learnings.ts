// A person's or program's search: the same retrieval as for agents, without their thresholds.
import type { Ctx } from "../../context";
import type { LearningHits, SearchLearningsInput } from "../../domain/learning";
import { findProject } from "../projects/find-project";
import { findLearnings } from "./find-learnings";
import { toLearningViews } from "./learning-view";

/** @throws AppError `not_found` for a project that the team does not have */
export async function searchLearnings({
  ctx,
  input: { q, kind, project, stack, pinned, limit },
}: {
  ctx: Ctx;
  input: SearchLearningsInput;
}): Promise<LearningHits> {
  const projectId = project === undefined ? undefined : (await findProject(ctx, project)).id;
  const { ranked, byMeaning, note } = await findLearnings(ctx.db, {
    team: ctx.actor.teamId,
    text: q,
    asking: { projectId, stack: stack ? [stack] : [], files: [] },
    leastWords: 1,
    withPinned: false,
  });
  const hits = ranked
    .filter(({ learning }) => project === undefined || learning.projectId === projectId)
    .filter(({ learning }) => kind === undefined || learning.kind === kind)
    .filter(({ learning }) => pinned === undefined || learning.pinned === (pinned === "true"))
    .filter(({ learning }) => stack === undefined || learning.stack.includes(stack))
    .slice(0, limit);
  const views = await toLearningViews(
    ctx.db,
    hits.map(({ learning }) => learning),
  );
  return {
    learnings: views.map((view, i) => ({ ...view, relevance: Number((hits[i]?.relevance ?? 0).toFixed(5)) })),
    by: byMeaning ? "text and meaning" : "text",
    note,
  };
}
