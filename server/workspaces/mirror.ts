// A copy of a remote's branches, one per team and repository, from which jobs borrow objects. Invariants: objects are
// only ever added; the list of branches is replaced as a whole, after the objects are there. Therefore any number of
// processes may refresh the same mirror at once without a lock: each fetches into a folder of its own.
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { resolve as absolute, join } from "node:path";
import { git } from "./git";
import { keepPacks, QUARANTINE, removeStale } from "./quarantine";
import type { Resolve } from "./remote-address";
import { RemoteFault } from "./remote-fault";
import { type OpenRemote, openRemote, type Remote } from "./remote-git";
import type { RemoteRules } from "./remote-url";
import { BARE_CONFIG, createRepository, replaceFile } from "./repository";

export interface MirrorBranch {
  name: string;
  commit: string;
}

export interface MirrorState {
  /** By name. */
  branches: MirrorBranch[];
  /** Name of the branch that the remote's HEAD points to, as of the last change; null when it is not one of these. */
  head: string | null;
  /** Whether any branch differs from the last time. */
  changed: boolean;
}

export interface MirrorLimits {
  /** Bytes that one fetch may bring; a mirror may hold twice as many. */
  bytes: number;
  branches: number;
  /** Milliseconds for a look at the branches, and for a fetch. */
  lookMs: number;
  fetchMs: number;
}

const LIMITS: MirrorLimits = { bytes: 1024 ** 3, branches: 10_000, lookMs: 30_000, fetchMs: 15 * 60_000 };
/** All of the history. Said aloud, because only a real git server understands it: one of plain files is refused. */
const WHOLE = "--depth=2147483647";
/** Longest line that a branch may take up in what git answers. */
const LINE_BYTES = 400;

/** What is under way in this process: who asks meanwhile with the same credentials waits for it. */
const underWay = new Map<string, Promise<MirrorState>>();

/**
 * Brings a mirror up to date, or makes it: looks at the branches first and fetches only when one differs.
 * @param dir absolute path of the bare repository
 * @throws RemoteFault (also RemoteRefused, before any process or socket); GitError when the host fails
 */
export function refreshMirror(
  dir: string,
  remote: Remote,
  rules: RemoteRules,
  options: { limits?: Partial<MirrorLimits>; resolve?: Resolve } = {},
): Promise<MirrorState> {
  const key = JSON.stringify([dir, remote]);
  const running = underWay.get(key);
  if (running) return running;
  const refreshing = openRemote(remote, rules, options.resolve)
    .then((open) => refresh(absolute(dir), open, { ...LIMITS, ...options.limits }))
    .finally(() => underWay.delete(key));
  underWay.set(key, refreshing);
  return refreshing;
}

/** The branch of this name, or the default one. @throws RemoteFault (branch_gone) */
export function requireBranch(state: MirrorState, name: string | null): MirrorBranch {
  const wanted = name ?? state.head;
  const found = state.branches.find((branch) => branch.name === wanted);
  if (found) return found;
  throw new RemoteFault(
    "branch_gone",
    wanted === null
      ? "The repository names no default branch; choose one in the project."
      : `The repository has no branch ${wanted}.`,
  );
}

async function refresh(dir: string, remote: OpenRemote, limits: MirrorLimits): Promise<MirrorState> {
  const [branches, known] = await Promise.all([look(dir, remote, limits), readKnown(dir)]);
  if (branches.length === 0) throw emptyRepository();
  if (known && known.list === packedRefs(branches)) return { branches, head: known.head, changed: false };
  await createRepository(dir);
  await removeStale(dir, limits.fetchMs + STALE_MS);
  return fetchInto(dir, remote, limits);
}

// A web page looks like this too: git takes any answer for the list of a server without a git program.
const emptyRepository = () =>
  new RemoteFault("empty", "There is no branch at this address; a repository needs a first commit on one.");

const STALE_MS = 60 * 60_000;

/** The branches of the remote by name, in one small exchange: nothing but refs/heads is listed. */
async function look(dir: string, remote: OpenRemote, limits: MirrorLimits): Promise<MirrorBranch[]> {
  const out = await remote.run(["ls-remote", "--heads", "--quiet", "--", remote.url], {
    dir,
    doing: "read",
    timeoutMs: limits.lookMs,
    maxOutputBytes: limits.branches * LINE_BYTES,
  });
  return parseBranches(out, limits);
}

/** Lines of "<commit> TAB or SP refs/heads/<name>". */
function parseBranches(out: Buffer, limits: MirrorLimits): MirrorBranch[] {
  const branches: MirrorBranch[] = [];
  for (const line of out.toString("utf8").split("\n")) {
    const [, commit, name] = /^([0-9a-f]{40})[\t ]refs\/heads\/(.+)$/.exec(line) ?? [];
    if (commit && name) branches.push({ name, commit });
  }
  if (branches.length > limits.branches)
    throw new RemoteFault("too_large", `The repository has more than ${limits.branches} branches.`);
  return branches.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

interface Known {
  list: string;
  head: string | null;
}

const PACKED_REFS = "packed-refs";
/** The remote's default branch as it was; a file of ours, because git has no place for "none". */
const HEAD_FILE = "fabrica-head";

/** Null when there is no complete mirror yet. */
async function readKnown(dir: string): Promise<Known | null> {
  try {
    const [list, head] = await Promise.all([
      readFile(join(dir, PACKED_REFS), "utf8"),
      readFile(join(dir, HEAD_FILE), "utf8"),
    ]);
    return { list, head: head || null };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** git's own file of references: one rename replaces all of them, whatever was renamed, forced or removed. */
function packedRefs(branches: readonly MirrorBranch[]): string {
  const lines = branches.map(({ name, commit }) => `${commit} refs/heads/${name}\n`);
  return `# pack-refs with: peeled fully-peeled sorted \n${lines.join("")}`;
}

async function fetchInto(dir: string, remote: OpenRemote, limits: MirrorLimits): Promise<MirrorState> {
  const beside = await mkdtemp(join(dir, QUARANTINE));
  try {
    await makeBorrower(beside, dir);
    const args = ["fetch", "--quiet", WHOLE, "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance"];
    await remote.run(
      [
        ...args,
        "--no-write-fetch-head",
        "--no-show-forced-updates",
        "--",
        remote.url,
        "+refs/heads/*:refs/heads/*",
      ],
      { dir: beside, doing: "read", timeoutMs: limits.fetchMs, maxFileBytes: limits.bytes },
    );
    const listed = await git(["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/"], {
      dir: beside,
    });
    const branches = parseBranches(listed, limits);
    if (branches.length === 0) throw emptyRepository();
    const head = await readHead(beside, remote, limits, branches);
    await requireRoom(dir, beside, limits);
    await keepPacks(join(beside, "objects"), dir);
    await replaceFile(join(dir, HEAD_FILE), head ?? "");
    await replaceFile(join(dir, PACKED_REFS), packedRefs(branches));
    return { branches, head, changed: true };
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

/** A repository that holds nothing yet and reads what the mirror has; written by hand to save a process. */
async function makeBorrower(beside: string, dir: string): Promise<void> {
  await mkdir(join(beside, "objects", "info"), { recursive: true });
  await mkdir(join(beside, "refs"));
  await Promise.all([
    writeFile(join(beside, "HEAD"), "ref: refs/heads/-\n"),
    writeFile(join(beside, "config"), BARE_CONFIG),
    writeFile(join(beside, "objects", "info", "alternates"), `${join(dir, "objects")}\n`),
  ]);
}

/** Without a pattern for references a server lists all it has, so this is asked only when something changed. */
async function readHead(
  dir: string,
  remote: OpenRemote,
  limits: MirrorLimits,
  branches: readonly MirrorBranch[],
): Promise<string | null> {
  const args = ["ls-remote", "--symref", "--quiet", "--", remote.url, "HEAD"];
  const out = await remote.run(args, { dir, doing: "read", timeoutMs: limits.lookMs });
  const name = /^ref: refs\/heads\/(.+)\tHEAD$/m.exec(out.toString("utf8"))?.[1];
  return branches.some((branch) => branch.name === name) ? (name ?? null) : null;
}

/** Where `prlimit` is missing nothing stopped the fetch at the cap; and a mirror must not grow without end. */
async function requireRoom(dir: string, beside: string, limits: MirrorLimits): Promise<void> {
  const [held, come] = await Promise.all([packBytes(dir), packBytes(beside)]);
  if (come <= limits.bytes && held + come <= 2 * limits.bytes) return;
  throw new RemoteFault(
    "too_large",
    "The repository is larger than what is allowed here, which is 1 GiB with its whole history. Take large files out of it, or keep them in LFS.",
  );
}

async function packBytes(dir: string): Promise<number> {
  const folder = join(dir, "objects", "pack");
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
