import type { Job } from "../generated/prisma/client";
import { jobRepository } from "../services/workspace/job-repository";
import { readBlob, readTree } from "../workspaces/read-files";

const MAX_TEXT_BYTES = 1024 * 1024;

/** The files of a job's head, and the texts among them that toolchains look into. */
export interface WorkspaceFiles {
  paths: string[];
  readText: (path: string) => string | null;
}

/** Files that say what a project uses; test files are read as well. */
const TELLING =
  /(^|\/)(package\.json|pyproject\.toml|pytest\.ini|setup\.cfg|tox\.ini|conftest\.py|tsconfig\.json)$|test/i;

/** Reads the workspace from git, never from a folder (invariant 9). */
export async function workspaceFiles(job: Job): Promise<WorkspaceFiles> {
  if (!job.headCommit) return { paths: [], readText: () => null };
  const dir = jobRepository(job.publicId);
  const tree = await readTree(dir, job.headCommit);
  const texts = new Map<string, string>();
  const telling = tree.filter((file) => TELLING.test(file.path) && file.size <= MAX_TEXT_BYTES).slice(0, 500);
  for (const { path } of telling) {
    const blob = await readBlob(dir, job.headCommit, path, MAX_TEXT_BYTES);
    if (blob && !blob.binary) texts.set(path, blob.bytes.toString("utf8"));
  }
  return { paths: tree.map((file) => file.path), readText: (path) => texts.get(path) ?? null };
}

/** One text file of the head; null when it is not there. */
export async function workspaceText(job: Job, path: string): Promise<string | null> {
  if (!job.headCommit) return null;
  const blob = await readBlob(jobRepository(job.publicId), job.headCommit, path, MAX_TEXT_BYTES);
  return blob && !blob.binary ? blob.bytes.toString("utf8") : null;
}
