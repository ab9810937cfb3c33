// Takes the work of a sandbox into the job's repository (invariant 8). Four steps, each of which can refuse: our own
// reading of the header, `index-pack --strict` in quarantine under limits, the tree policy, a commit of our own.
// Nothing of the bundle touches the repository before the third step has passed.
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { carriesOf, readBases } from "./base-record";
import { type BundleHeader, parseBundleHeader } from "./bundle-header";
import { assertObjectId, GitError, git } from "./git";
import { listCheckedTree } from "./list-tree";
import { keepPacks, QUARANTINE, removeStale } from "./quarantine";
import { WorkspaceRefused } from "./refusal";
import { CHANGE_LIMITS, TREE_LIMITS, type TreeEntry, type TreeLimits } from "./tree-policy";
import { writeCommit } from "./write-commit";

export interface ImportLimits extends TreeLimits {
  /** Bytes of the whole upload. */
  bundleBytes: number;
  /** Milliseconds for checking the pack. */
  checkMs: number;
}

const IMPORT_LIMITS: ImportLimits = {
  ...TREE_LIMITS,
  bundleBytes: 256 * 1024 * 1024,
  checkMs: 60_000,
};

export interface ImportRequest {
  /** Commit that ours follows; null for the first one. */
  parent: string | null;
  message: string;
  /** Name and address shown as author. */
  author?: { name: string; email: string };
  limits?: Partial<ImportLimits>;
  /** Time of the commit; now by default. */
  at?: Date;
}

export interface ImportedTree {
  /** The new commit, or the parent when the files are the same. */
  commit: string;
  tree: string;
  unchanged: boolean;
  /** Its regular files. */
  files: TreeEntry[];
}

const STALE_MS = 60 * 60 * 1000;

/**
 * Reads one bundle and makes its tip's tree a commit on `parent`. Moves no ref. The sandbox's own commits are kept, so
 * that a later bundle may build on them. On refusal the sandbox must go on building on the last accepted commit.
 * @throws WorkspaceRefused when bundle or files break a rule; GitError when git or the host fails
 */
export async function importBundle(
  dir: string,
  stream: AsyncIterable<Uint8Array>,
  request: ImportRequest,
): Promise<ImportedTree> {
  const bases = await readBases(dir);
  const limits = { ...IMPORT_LIMITS, ...(bases.length > 0 ? CHANGE_LIMITS : {}), ...request.limits };
  if (request.parent !== null) assertObjectId(request.parent);
  await removeStale(dir, STALE_MS);
  const folder = await mkdtemp(join(dir, QUARANTINE));
  const upload = join(folder, "upload");
  const quarantine = join(folder, "objects");
  try {
    await mkdir(join(quarantine, "pack"), { recursive: true, mode: 0o700 });
    const header = await receive(stream, upload, limits.bundleBytes);
    await indexPack({ dir, quarantine }, upload, limits);
    const [found, checked] = await Promise.allSettled([
      resolveTrees({ dir, quarantine }, header, request.parent),
      listCheckedTree(header.tip, limits, { dir, quarantine, timeoutMs: limits.checkMs }, carriesOf(bases)),
    ]);
    // What is wrong with the commit itself says more than that its tree could not be listed.
    if (found.status === "rejected") throw found.reason;
    if (checked.status === "rejected") throw checked.reason;
    const trees = found.value;
    await keepPacks(quarantine, dir);
    if (request.parent !== null && trees.tree === trees.parentTree) {
      return { commit: request.parent, tree: trees.tree, unchanged: true, files: checked.value };
    }
    const commit = await writeCommit(dir, {
      tree: trees.tree,
      parents: request.parent === null ? [] : [request.parent],
      message: request.message,
      seconds: Math.floor((request.at ?? new Date()).getTime() / 1000),
      author: request.author,
    });
    return { commit, tree: trees.tree, unchanged: false, files: checked.value };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes the pack behind the header to a file, under the byte cap. */
async function receive(
  stream: AsyncIterable<Uint8Array>,
  path: string,
  maxBytes: number,
): Promise<BundleHeader> {
  const file = await open(path, "wx", 0o600);
  try {
    let header: BundleHeader | null = null;
    let start: Buffer = Buffer.alloc(0);
    let size = 0;
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > maxBytes) throw new WorkspaceRefused([`The bundle is larger than ${maxBytes} bytes.`]);
      if (header) {
        await file.writeFile(chunk);
        continue;
      }
      start = Buffer.concat([start, chunk]);
      header = parseBundleHeader(start);
      if (header) await file.writeFile(start.subarray(header.length));
    }
    if (!header) throw new WorkspaceRefused(["The bundle ends within its header."]);
    return header;
  } finally {
    await file.close();
  }
}

interface Place {
  dir: string;
  quarantine: string;
}

async function indexPack(place: Place, path: string, limits: ImportLimits): Promise<void> {
  const args = ["index-pack", "--strict", "--stdin", "--fix-thin", `--max-input-size=${limits.bundleBytes}`];
  const bounds = { timeoutMs: limits.checkMs, maxFileBytes: 2 * limits.bundleBytes };
  try {
    await git(args, { ...place, ...bounds, inputFile: path });
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw refusalOf(error) ?? error;
  }
}

/** Tells what the sandbox did wrong from what the host cannot do. */
function refusalOf(error: GitError): WorkspaceRefused | null {
  if (
    error.fault === "unavailable" ||
    /No space left|Read-only file system|Permission denied/.test(error.stderr)
  ) {
    return null;
  }
  if (error.fault === "timeout" || error.signal || /out of memory|mmap failed|malloc/i.test(error.stderr)) {
    return new WorkspaceRefused(["The bundle is too large to be checked within the limits."]);
  }
  const check = /: (?:contains '?(\.git|\.\.|\.)'?|contains (full pathnames|empty pathname))/.exec(
    error.stderr,
  );
  if (check)
    return new WorkspaceRefused([
      `A folder contains an entry that is not allowed (${check[1] ?? check[2]}).`,
    ]);
  if (/gitmodules/.test(error.stderr))
    return new WorkspaceRefused(["The file .gitmodules is not allowed as it is."]);
  return new WorkspaceRefused(["The bundle is damaged, incomplete, or holds objects that git refuses."]);
}

interface Trees {
  tree: string;
  parentTree: string | null;
}

/** Looks up all named objects in one process. */
async function resolveTrees(place: Place, header: BundleHeader, parent: string | null): Promise<Trees> {
  const commits = [header.tip, ...header.prerequisites];
  const questions = [...commits, `${header.tip}^{tree}`, ...(parent ? [`${parent}^{tree}`] : [])];
  const out = await git(["cat-file", "--batch-check=%(objecttype) %(objectname)"], {
    ...place,
    input: `${questions.join("\n")}\n`,
  });
  const answers = out.toString("utf8").trimEnd().split("\n");
  for (const [index] of commits.entries()) {
    if (answers[index]?.startsWith("commit ")) continue;
    throw new WorkspaceRefused([
      index === 0
        ? "The bundle's ref does not name a commit."
        : "The bundle builds on a commit that is not known here.",
    ]);
  }
  const [tree, parentTree] = answers
    .slice(commits.length)
    .map((answer) => /^tree ([0-9a-f]{40})$/.exec(answer)?.[1]);
  if (!tree) throw new WorkspaceRefused(["The bundle's commit has no files."]);
  if (parent !== null && !parentTree)
    throw new GitError("failed", "cat-file", 0, null, "the parent is not known");
  return { tree, parentTree: parentTree ?? null };
}
