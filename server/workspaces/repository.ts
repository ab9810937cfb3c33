// One bare repository per job. Invariant 8: what was taken in stays: nothing collects garbage here, because later
// bundles build on commits of the sandbox that no ref names.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { assertObjectId, GitError, git, startGit } from "./git";

export const MAIN_REF = "refs/heads/main";

/** Configuration of every repository here: nothing is ever collected. */
export const BARE_CONFIG = `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[gc]
\tauto = 0
\tpruneExpire = never
`;

// This file outranks every .gitattributes in a tree: no hidden files, no rewritten text, no filters.
const ATTRIBUTES =
  "* -text !eol -ident !filter !working-tree-encoding !diff !merge -export-ignore -export-subst\n";

/** Where the repository of a job lies: `<root>/<job id>.git`. @throws TypeError for an id that is no plain name. */
export function repositoryPath(root: string, jobId: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/.test(jobId)) throw new TypeError("Not a job id.");
  return join(root, `${jobId}.git`);
}

/**
 * Makes an empty bare repository, or leaves the one that is there. Written by hand, each file as a whole: `git init`
 * fails when somebody else does the same at the same moment.
 */
export async function createRepository(dir: string): Promise<void> {
  // The attributes are written last: where they are, all is.
  if (await holds(join(dir, "info", "attributes"), ATTRIBUTES)) return;
  for (const folder of ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info"])
    await mkdir(join(dir, folder), { recursive: true, mode: 0o700 });
  await replaceFile(join(dir, "config"), BARE_CONFIG);
  await replaceFile(join(dir, "HEAD"), `ref: ${MAIN_REF}\n`);
  await replaceFile(join(dir, "info", "attributes"), ATTRIBUTES);
}

async function holds(path: string, text: string): Promise<boolean> {
  try {
    return (await readFile(path, "utf8")) === text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Replaces a file as a whole. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomBytes(6).toString("hex")}`;
  await writeFile(beside, text, { mode: 0o600 });
  await rename(beside, path);
}

/** Commit that a ref names, or null when there is no such ref. @throws GitError */
export async function readRef(dir: string, ref: string): Promise<string | null> {
  try {
    const out = await git(["rev-parse", "--verify", "--quiet", "--end-of-options", assertRef(ref)], { dir });
    return out.toString("utf8").trim();
  } catch (error) {
    if (error instanceof GitError && error.fault === "failed" && error.exitCode === 1) return null;
    throw error;
  }
}

/** Points refs at a commit, all of them or none, wherever they are now. @throws GitError */
export async function setRefs(dir: string, refs: readonly string[], commit: string): Promise<void> {
  const target = assertObjectId(commit);
  const input = refs.map((ref) => `update ${assertRef(ref)} ${target}\n`).join("");
  await git(["update-ref", "--no-deref", "--stdin"], { dir, input });
}

function assertRef(ref: string): string {
  if (!/^refs\/[A-Za-z0-9_-][A-Za-z0-9._/-]*$/.test(ref)) throw new TypeError("Not a ref name.");
  return ref;
}

export interface BundleOptions {
  /** Name under which the bundle offers the commit; refs/heads/main by default. */
  ref?: string;
  /** Commit that whoever takes it has already, with everything below it. */
  without?: string | null;
}

/**
 * A bundle of the commit and everything below it, as `refs/heads/main`: what a sandbox is restored from.
 * Resolves when git has begun to answer, so that an unknown commit is an error and not an empty download.
 * @throws GitError; a failure later on destroys the stream with it
 */
export async function exportBundle(
  dir: string,
  commit: string,
  { ref = MAIN_REF, without = null }: BundleOptions = {},
): Promise<Readable> {
  const wanted = [assertObjectId(commit), ...(without === null ? [] : [`^${assertObjectId(without)}`])];
  const header = [
    "# v2 git bundle",
    ...(without === null ? [] : [`-${without} `]),
    `${commit} ${assertRef(ref)}`,
  ];
  // No new deltas: the bundle travels once over a fast line, and stored deltas are reused as they are.
  const args = ["pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset", "--window=0"];
  const child = startGit(args, { dir, input: `${wanted.join("\n")}\n`, timeoutMs: 120_000 });
  const pack = (child.stdout ?? Readable.from([]))[Symbol.asyncIterator]();
  const first = await pack.next();
  if (first.done) {
    await child.done;
    throw new GitError("failed", "pack-objects", 0, null, "no pack was written");
  }
  async function* bundle(): AsyncGenerator<Buffer> {
    try {
      yield Buffer.from(`${header.join("\n")}\n\n`);
      yield first.value;
      for (let next = await pack.next(); !next.done; next = await pack.next()) yield next.value;
      await child.done;
    } finally {
      child.stop();
    }
  }
  return Readable.from(bundle(), { objectMode: false });
}
