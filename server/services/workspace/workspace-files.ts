// The files of a job's head as steps and toolchains need them, read from git, never from a folder (invariant 9).
// A commit never changes, so what was read of it is kept for the steps that look at the same one.
import { readBlob, readBlobs, readTree } from "../../workspaces/read-files";
import { jobRepository } from "./job-repository";

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

/** A job, or what of it names a commit. */
interface Workspace {
  publicId: string;
  headCommit: string | null;
}

interface Listed {
  path: string;
  oid: string;
  size: number | null;
}

interface CommitFiles {
  paths: string[];
  texts: ReadonlyMap<string, string>;
  /** The same texts by object id, for the next commit. */
  byOid: ReadonlyMap<string, string>;
}

/** By repository and commit, the most recently used last. */
const kept = new Map<string, Promise<CommitFiles>>();

/** Reads the workspace. @throws GitError */
export async function workspaceFiles(job: Workspace): Promise<WorkspaceFiles> {
  if (!job.headCommit) return { paths: [], readText: () => null };
  const { paths, texts } = await filesOf(jobRepository(job.publicId), job.headCommit);
  return { paths: [...paths], readText: (path) => texts.get(path) ?? null };
}

/** One text file of the head; null when it is not there. @throws GitError */
export async function workspaceText(job: Workspace, path: string): Promise<string | null> {
  if (!job.headCommit) return null;
  const dir = jobRepository(job.publicId);
  const { paths, texts } = await filesOf(dir, job.headCommit);
  const text = texts.get(path);
  if (text !== undefined) return text;
  if (!paths.includes(path)) return null;
  const blob = await readBlob(dir, job.headCommit, path, MAX_TEXT_BYTES);
  return blob && !blob.binary ? blob.bytes.toString("utf8") : null;
}

/**
 * Reads a commit that was just made before somebody asks for it. What cannot be read now is read then.
 * @param parent the commit before it, of which most files are left
 */
export function prepareFiles(
  publicId: string,
  commit: string,
  parent: string | null,
  listed: readonly Listed[],
): void {
  const dir = jobRepository(publicId);
  if (kept.has(keyOf(dir, commit))) return;
  const before = parent === null ? undefined : kept.get(keyOf(dir, parent));
  const reading = Promise.resolve(before)
    .catch(() => undefined)
    .then((known) => readTexts(dir, listed, known?.byOid));
  keep(keyOf(dir, commit), reading);
}

const keyOf = (dir: string, commit: string) => `${dir} ${commit}`;

function filesOf(dir: string, commit: string): Promise<CommitFiles> {
  const key = keyOf(dir, commit);
  const files = kept.get(key) ?? readTree(dir, commit).then((listed) => readTexts(dir, listed));
  keep(key, files);
  return files;
}

function keep(key: string, files: Promise<CommitFiles>): void {
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
}

async function readTexts(
  dir: string,
  listed: readonly Listed[],
  known: ReadonlyMap<string, string> = new Map(),
): Promise<CommitFiles> {
  const telling = listed
    .filter((file) => TELLING.test(file.path) && (file.size ?? 0) <= MAX_TEXT_BYTES)
    .slice(0, MAX_TEXTS);
  const fresh = [...new Set(telling.map(({ oid }) => oid))].filter((oid) => !known.has(oid));
  const blobs = await readBlobs(dir, fresh);
  const read = new Map(fresh.map((oid, i) => [oid, textOf(blobs[i])]));
  const texts = new Map<string, string>();
  const byOid = new Map<string, string>();
  for (const { path, oid } of telling) {
    const text = known.get(oid) ?? read.get(oid) ?? null;
    if (text === null) continue;
    texts.set(path, text);
    byOid.set(oid, text);
  }
  return { paths: listed.map((file) => file.path), texts, byOid };
}

/** Null when there is a NUL among the first 8,000 bytes, as git itself decides what is no text. */
function textOf(bytes: Buffer | undefined): string | null {
  return bytes && !bytes.subarray(0, 8000).includes(0) ? bytes.toString("utf8") : null;
}
