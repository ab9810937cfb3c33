// The one place that turns rows of learnings into what the API shows.
import type { Db } from "../../db";
import type { LearningKind, LearningOrigin, LearningView } from "../../domain/learning";
import type { Learning } from "../../generated/prisma/client";

/** Views of learnings of one team, in their order. */
export async function toLearningViews(db: Db, learnings: readonly Learning[]): Promise<LearningView[]> {
  const [projects, jobs] = await Promise.all([
    db.project.findMany({
      where: { id: { in: idsOf(learnings, "projectId") } },
      select: { id: true, name: true },
    }),
    db.job.findMany({
      where: { id: { in: idsOf(learnings, "jobId") } },
      select: { id: true, publicId: true },
    }),
  ]);
  const nameOf = new Map(projects.map(({ id, name }) => [id, name]));
  const publicIdOf = new Map(jobs.map(({ id, publicId }) => [id, publicId]));
  return learnings.map((learning) => ({
    id: String(learning.id),
    // Written only from the domain's lists.
    kind: learning.kind as LearningKind,
    title: learning.title,
    text: learning.text,
    origin: learning.origin as LearningOrigin,
    job: learning.jobId === null ? null : (publicIdOf.get(learning.jobId) ?? null),
    project: learning.projectId === null ? null : (nameOf.get(learning.projectId) ?? null),
    stack: learning.stack,
    files: learning.files,
    pinned: learning.pinned,
    score: Number(learning.score.toFixed(3)),
    uses: learning.uses,
    found: learning.found,
    created_at: learning.createdAt.toISOString(),
    edited_at: learning.editedAt?.toISOString() ?? null,
    found_at: learning.foundAt.toISOString(),
  }));
}

/** One of them. */
export async function toLearningView(db: Db, learning: Learning): Promise<LearningView> {
  const [view] = await toLearningViews(db, [learning]);
  return view as LearningView;
}

function idsOf(learnings: readonly Learning[], column: "projectId" | "jobId"): bigint[] {
  return [...new Set(learnings.flatMap((learning) => learning[column] ?? []))];
}
