// Seeds the memory with Markdown files: each heading or marked line is a learning.
import { type Ctx, requireRole } from "../../context";
import type { ImportedView, ImportLearningsInput } from "../../domain/learning";
import { insertLearnings, lockTeam } from "../../memory/learning-rows";
import { parseLearnings } from "../../memory/parse-learnings";
import { findProject } from "../projects/find-project";
import { redact } from "../redact";
import { cleanLearnings } from "./clean-learning";
import { requireRoom } from "./team-limit";

const MOST_A_FILE = 500;
/** One statement's worth. */
const BATCH = 500;

/**
 * Takes learnings out of files. The same file again adds nothing.
 * @throws AppError `forbidden` (members), `not_found` (the project), `conflict` (too many)
 */
export async function importLearnings({
  ctx,
  input: { files, project, stack },
}: {
  ctx: Ctx;
  input: ImportLearningsInput;
}): Promise<ImportedView> {
  requireRole(ctx.actor, "member");
  const { db, actor } = ctx;
  const projectId = project === null ? null : (await findProject(ctx, project)).id;
  const parsed = files.flatMap(({ text }) => parseLearnings(redact(text), MOST_A_FILE));
  const rows = cleanLearnings(parsed.map((learning) => ({ ...learning, stack })));
  await requireRoom(db, actor.teamId, rows.length);
  const source = {
    team: actor.teamId,
    origin: "file" as const,
    project: projectId,
    job: null,
    run: null,
    person: actor.userId,
  };
  let taken = 0;
  for (let at = 0; at < rows.length; at += BATCH) {
    const batch = rows.slice(at, at + BATCH);
    const stored = await db.$transaction(async (tx) => {
      await lockTeam(tx, actor.teamId);
      return insertLearnings(tx, source, batch, true);
    });
    taken += stored.filter(({ fresh }) => fresh).length;
  }
  return { taken, known: rows.length - taken, skipped: parsed.length - rows.length };
}
