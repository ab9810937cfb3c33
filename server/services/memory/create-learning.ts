// A person writes a learning down.
import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import type { CreateLearningInput, LearningView } from "../../domain/learning";
import { insertLearnings } from "../../memory/learning-rows";
import { findProject } from "../projects/find-project";
import { cleanLearning } from "./clean-learning";
import { toLearningView } from "./learning-view";
import { requireRoom } from "./team-limit";

/**
 * Creates a learning of the actor's team. One that says the same is answered instead, as found once more.
 * @throws AppError `forbidden` (members), `not_found` (the project), `bad_request`, `conflict` (too many)
 */
export async function createLearning({
  ctx,
  input: { project, pinned, ...told },
}: {
  ctx: Ctx;
  input: CreateLearningInput;
}): Promise<LearningView> {
  requireRole(ctx.actor, "member");
  const { db, actor } = ctx;
  const row = cleanLearning(told);
  if (!row) throw new AppError("bad_request", "Nothing is left of this text without what cannot be stored.");
  const projectId = project === null ? null : (await findProject(ctx, project)).id;
  await requireRoom(db, actor.teamId, 1);
  const source = {
    team: actor.teamId,
    origin: "person" as const,
    project: projectId,
    job: null,
    run: null,
    person: actor.userId,
  };
  const [made] = await insertLearnings(db, source, [row], true);
  if (!made) throw new Error("A learning was neither stored nor found.");
  if (pinned)
    await db.learning.updateMany({ where: { id: made.id, teamId: actor.teamId }, data: { pinned } });
  return toLearningView(db, await db.learning.findUniqueOrThrow({ where: { id: made.id } }));
}
