// The files of a job's head as steps and toolchains need them, read from git, never from a folder (invariant 9).
// A commit never changes, so what was read of it is kept for the steps that look at the same one.
import type { Job } from "../generated/prisma/client";
import { jobRepository } from "../services/workspace/job-repository";
import { readBlob, readBlobs, readTree } from "../workspaces/read-files";

const MAX_TEXT_BYTES = 1024 * 1024;
const MAX_TEXTS = 500;
/** Commits kept, and how much text one may have to be kept. */
const KEPT_COMMITS = 16;
const KEPT_TEXT_BYTES = 2 * 1024 * 1024;

/** The files of a job's head, and the texts among them that toolchains look into. */
export interface WorkspaceFiles {
  paths: string[];
  readText: (path: string) => string | null;
}

/** Files that say what a project uses; test files are read as well, and the plan. */
const TELLING =
  /(^|\/)(package\.json|pyproject\.toml|pytest\.ini|setup\.cfg|tox\.ini|conftest\.py|tsconfig\.json)$|test|^SPEC\.md$/i;

interface CommitFiles {
  paths: string[];
  texts: ReadonlyMap<string, string>;
}

/** By repository and commit, the most recently used last. */
const kept = new Map<string, Promise<CommitFiles>>();

/** Reads the workspace. @throws GitError */
export async function workspaceFiles(job: Job): Promise<WorkspaceFiles> {
  if (!job.headCommit) return { paths: [], readText: () => null };
  const { paths, texts } = await filesOf(jobRepository(job.publicId), job.headCommit);
  return { paths: [...paths], readText: (path) => texts.get(path) ?? null };
}

/** One text file of the head; null when it is not there. @throws GitError */
export async function workspaceText(job: Job, path: string): Promise<string | null> {
  if (!job.headCommit) return null;
  const dir = jobRepository(job.publicId);
  const { paths, texts } = await filesOf(dir, job.headCommit);
  const text = texts.get(path);
  if (text !== undefined) return text;
  if (!paths.includes(path)) return null;
  const blob = await readBlob(dir, job.headCommit, path, MAX_TEXT_BYTES);
  return blob && !blob.binary ? blob.bytes.toString("utf8") : null;
}

function filesOf(dir: string, commit: string): Promise<CommitFiles> {
  const key = `${dir} ${commit}`;
  const files = kept.get(key) ?? readFiles(dir, commit);
  kept.delete(key);
  kept.set(key, files);
  files.then(
    ({ texts }) => {
      const size = [...texts.values()].reduce((sum, text) => sum + text.length, 0);
      if (size > KEPT_TEXT_BYTES) kept.delete(key);
    },
    () => kept.delete(key),
  );
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT_COMMITS) break;
    kept.delete(oldest);
  }
  return files;
}

async function readFiles(dir: string, commit: string): Promise<CommitFiles> {
  const tree = await readTree(dir, commit);
  const telling = tree
    .filter((file) => TELLING.test(file.path) && file.size <= MAX_TEXT_BYTES)
    .slice(0, MAX_TEXTS);
  const blobs = await readBlobs(
    dir,
    telling.map(({ oid }) => oid),
  );
  const texts = new Map<string, string>();
  telling.forEach(({ path }, i) => {
    const bytes = blobs[i];
    if (bytes && !bytes.subarray(0, 8000).includes(0)) texts.set(path, bytes.toString("utf8"));
  });
  return { paths: tree.map((file) => file.path), texts };
}
