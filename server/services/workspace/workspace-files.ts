// The files of a job's head as steps and toolchains need them, read from git, never from a folder (invariant 9).
// A commit never changes, so what was read of it is kept for the steps that look at the same one.
import { tellingFiles } from "../../toolchains/telling-files";
import { readBlob, readBlobs, readTree } from "../../workspaces/read-files";
import { jobRepository } from "./job-repository";

const MAX_TEXT_BYTES = 1024 * 1024;
/** Bytes of all texts of one commit; a large repository has thousands of tests, which come last. */
const MAX_TEXTS_BYTES = 24 * 1024 * 1024;
/** Commits kept, and how many characters they may have together; those of one job share nearly all their texts. */
const KEPT_COMMITS = 16;
const KEPT_CHARS = 48 * 1024 * 1024;

/** The files of a job's head, and the texts among them that toolchains look into. */
export interface WorkspaceFiles {
  paths: string[];
  readText: (path: string) => string | null;
}

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

interface Kept {
  dir: string;
  files: Promise<CommitFiles>;
  /** Characters of its paths and its texts; what is still read weighs nothing yet. */
  pathChars: number;
  textChars: number;
}

/** By repository and commit, the most recently used last. */
const kept = new Map<string, Kept>();

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
  const before = parent === null ? undefined : kept.get(keyOf(dir, parent))?.files;
  const reading = Promise.resolve(before)
    .catch(() => undefined)
    .then((known) => readTexts(dir, listed, known?.byOid));
  keep(dir, commit, reading);
}

const keyOf = (dir: string, commit: string) => `${dir} ${commit}`;

function filesOf(dir: string, commit: string): Promise<CommitFiles> {
  const key = keyOf(dir, commit);
  const known = kept.get(key);
  if (known) {
    kept.delete(key);
    kept.set(key, known);
    return known.files;
  }
  const files = readTree(dir, commit).then((listed) => readTexts(dir, listed));
  keep(dir, commit, files);
  return files;
}

function keep(dir: string, commit: string, files: Promise<CommitFiles>): void {
  const key = keyOf(dir, commit);
  const entry: Kept = { dir, files, pathChars: 0, textChars: 0 };
  kept.set(key, entry);
  files.then(
    ({ paths, texts }) => {
      entry.pathChars = charsOf(paths);
      entry.textChars = charsOf(texts.values());
      forget();
    },
    () => kept.delete(key),
  );
  forget();
}

/** The oldest commits go first; one that is too large by itself goes as well. */
function forget(): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT_COMMITS && keptChars() <= KEPT_CHARS) return;
    kept.delete(oldest);
  }
}

function keptChars(): number {
  const texts = new Map<string, number>();
  let paths = 0;
  for (const { dir, pathChars, textChars } of kept.values()) {
    paths += pathChars;
    texts.set(dir, Math.max(texts.get(dir) ?? 0, textChars));
  }
  return [...texts.values()].reduce((sum, chars) => sum + chars, paths);
}

function charsOf(texts: Iterable<string>): number {
  let chars = 0;
  for (const text of texts) chars += text.length;
  return chars;
}

/** The texts of a tree that are worth reading, within the limits; what says most comes first. */
export function worthReading(listed: readonly Listed[]): Listed[] {
  const byPath = new Map(listed.map((file) => [file.path, file]));
  const paths = ["SPEC.md", ...tellingFiles(listed.map((file) => file.path))];
  let bytes = 0;
  return [...new Set(paths)].flatMap((path) => {
    const file = byPath.get(path);
    const size = file?.size ?? 0;
    if (!file || size > MAX_TEXT_BYTES || bytes + size > MAX_TEXTS_BYTES) return [];
    bytes += size;
    return [file];
  });
}

async function readTexts(
  dir: string,
  listed: readonly Listed[],
  known: ReadonlyMap<string, string> = new Map(),
): Promise<CommitFiles> {
  const telling = worthReading(listed);
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
