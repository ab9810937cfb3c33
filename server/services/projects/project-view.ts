// The one place that turns a project row into what the API shows. Invariant: of the token only whether there is one.
import type { Db, Tx } from "../../db";
import { JOB_STATES, SETTLED } from "../../domain/job-state";
import { toUsd } from "../../domain/money";
import { type DetectedProject, detectedProject, type ProjectView } from "../../domain/project";
import type { Project } from "../../generated/prisma/client";

const OPEN = JOB_STATES.filter((state) => !SETTLED.includes(state));

/** How many jobs that are not settled belong to each of these projects of one team; none is not in the map. */
export async function countOpenJobs(
  db: Db | Tx,
  teamId: bigint,
  projectIds: readonly bigint[],
): Promise<Map<bigint, number>> {
  if (projectIds.length === 0) return new Map();
  const groups = await db.job.groupBy({
    by: ["projectId"],
    where: { teamId, state: { in: OPEN }, projectId: { in: [...projectIds] } },
    _count: { _all: true },
  });
  return new Map(groups.flatMap((group) => (group.projectId ? [[group.projectId, group._count._all]] : [])));
}

/** Views of projects of one team, in their order. */
export async function toProjectViews(
  db: Db,
  teamId: bigint,
  projects: readonly Project[],
): Promise<ProjectView[]> {
  const open = await countOpenJobs(
    db,
    teamId,
    projects.map(({ id }) => id),
  );
  return projects.map((project) => toView(project, open.get(project.id) ?? 0));
}

/** One of them. */
export async function toProjectView(db: Db, project: Project): Promise<ProjectView> {
  const [view] = await toProjectViews(db, project.teamId, [project]);
  return view as ProjectView;
}

function toView(project: Project, openJobs: number): ProjectView {
  return {
    name: project.name,
    repository_url: project.repositoryUrl,
    default_branch: project.defaultBranch,
    folder: project.folder,
    username: project.username,
    has_token: project.sealedToken !== null,
    setup_command: project.setupCommand,
    lint_command: project.lintCommand,
    test_command: project.testCommand,
    budget_usd: project.budgetMicroUsd === null ? null : toUsd(project.budgetMicroUsd),
    max_fixes: project.maxFixes,
    // Written only from the domain's input.
    models: project.models as ProjectView["models"],
    fallback_models: project.fallbackModels as ProjectView["fallback_models"],
    image: project.image,
    detected: readDetected(project.detected),
    checked_at: project.checkedAt?.toISOString() ?? null,
    archived: project.archivedAt !== null,
    open_jobs: openJobs,
    created_at: project.createdAt.toISOString(),
  };
}

/** What an older version found in another shape counts as not looked at. */
function readDetected(stored: unknown): DetectedProject | null {
  const parsed = detectedProject.safeParse(stored);
  return parsed.success ? parsed.data : null;
}
