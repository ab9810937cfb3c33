// What a change job works on: the project's record, its mirror, and how its base says that it is checked. Only the base
// is asked, never the work: what a job changes about its own checks counts for the jobs after it.
import type { Db } from "../db";
import { AppError } from "../domain/errors";
import { GiveUp } from "../domain/step-outcome";
import type { Job, Project } from "../generated/prisma/client";
import { effectiveConfig } from "../services/projects/effective-config";
import { projectMirror } from "../services/projects/project-mirror";
import { projectRemote, remoteRules } from "../services/projects/project-remote";
import { jobRepository } from "../services/workspace/job-repository";
import type { EffectiveConfig } from "../toolchains/project-config";
import { type MirrorState, refreshMirror } from "../workspaces/mirror";
import { RemoteFault } from "../workspaces/remote-fault";

/** The project of a job. @throws GiveUp when it was put away */
export async function projectOf(db: Db, job: Job): Promise<Project> {
  const project =
    job.projectId === null ? null : await db.project.findUnique({ where: { id: job.projectId } });
  if (!project) throw new GiveUp("project_gone", "The project of this job is not there any more.");
  if (project.archivedAt)
    throw new GiveUp(
      "project_gone",
      `Project ${project.name} was put away; file the job for a project that is in use.`,
    );
  return project;
}

/** How the base of a job that has begun is set up and checked. @throws GiveUp when its fabrica.json cannot be used */
export async function configOf(project: Project, job: Job): Promise<EffectiveConfig> {
  if (job.baseRoot === null) throw new GiveUp("no_base", "The job has no base to work on yet.");
  const config = await asked(() =>
    effectiveConfig(project, jobRepository(job.publicId), job.baseRoot as string),
  );
  if (!config.ok) throw new GiveUp("project_config", config.problem);
  return config;
}

/** Asks the remote how its branches are now. @throws GiveUp for what will not pass by itself */
export async function freshMirror(project: Project): Promise<MirrorState & { dir: string }> {
  const dir = projectMirror(project);
  const state = await asked(async () => refreshMirror(dir, await projectRemote(project), remoteRules()));
  return { ...state, dir };
}

/**
 * Turns the fault of a repository into the end of the job, with its own sentence. What may pass is thrown on: the
 * engine tries the step again.
 */
export async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RemoteFault && !error.passing)
      throw new GiveUp(`repository_${error.code}`, error.message);
    if (error instanceof AppError && error.code === "unprocessable")
      throw new GiveUp("repository", error.message);
    throw error;
  }
}
