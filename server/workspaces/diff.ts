// What changed between two commits, as figures and as text. Only trees that passed the tree policy come here.
import { assertObjectId, EMPTY_TREE, type GitOptions, git, startGit } from "./git";
import { pathProblem } from "./tree-policy";

export interface FileChange {
  path: string;
  /** Lines; 0 for binary files. */
  added: number;
  removed: number;
  status: "added" | "modified" | "deleted";
  binary: boolean;
}

const STATUS: Record<string, FileChange["status"]> = { A: "added", D: "deleted" };
const RENDER = ["--no-renames", "--no-color", "--no-ext-diff", "--no-textconv"];

function range(from: string | null, to: string): string[] {
  return [from === null ? EMPTY_TREE : assertObjectId(from), assertObjectId(to)];
}

/** Commits do not change, so what changed between two of them is asked of git once while it is remembered. */
const REMEMBERED = 64;
const remembered = new Map<string, Promise<FileChange[]>>();

/** Changed files with their line counts; `from` null counts everything as added. @throws GitError */
export function diffStat(dir: string, from: string | null, to: string): Promise<FileChange[]> {
  const key = `${dir} ${from} ${to}`;
  const known = remembered.get(key);
  if (known) return known;
  const asked = askDiffStat(dir, from, to);
  remembered.set(key, asked);
  asked.catch(() => remembered.delete(key)); // Whoever asks is told; the next one tries again.
  for (const oldest of remembered.keys()) {
    if (remembered.size <= REMEMBERED) break;
    remembered.delete(oldest);
  }
  return asked;
}

async function askDiffStat(dir: string, from: string | null, to: string): Promise<FileChange[]> {
  const args = ["diff-tree", "-r", "-z", "--raw", "--numstat", ...RENDER, ...range(from, to), "--"];
  const fields = (await git(args, { dir })).toString("utf8").split("\0");
  const status = new Map<string, FileChange["status"]>();
  const changes: FileChange[] = [];
  // Raw records (":… M", path) come first, then one "added TAB removed TAB path" per file.
  for (let index = 0; index < fields.length; index += 1) {
    const field = fields[index] ?? "";
    if (field.startsWith(":")) {
      status.set(fields[index + 1] ?? "", STATUS[field.at(-1) ?? ""] ?? "modified");
      index += 1;
      continue;
    }
    const [added, removed, ...path] = field.split("\t");
    if (added === undefined || removed === undefined) continue;
    const name = path.join("\t");
    const binary = added === "-";
    const lines = { added: binary ? 0 : Number(added), removed: binary ? 0 : Number(removed) };
    changes.push({ path: name, ...lines, status: status.get(name) ?? "modified", binary });
  }
  return changes;
}

export interface DiffText {
  /** Unified diff; cut at the end of a line. */
  text: string;
  truncated: boolean;
}

/**
 * Unified diff of all files or of one, at most `maxBytes` (default 1 MiB).
 * @param options.without folders or files at the top that are left out of the diff of all files
 * @throws GitError
 */
export async function diff(
  dir: string,
  from: string | null,
  to: string,
  options: { path?: string; maxBytes?: number; without?: readonly string[] } = {},
): Promise<DiffText> {
  const { path, without = [] } = options;
  // No tree has it, and git fails on some of them.
  if (path !== undefined && pathProblem(path) !== null) return { text: "", truncated: false };
  const left = without.map((name) => `:(top,exclude,literal)${name}`);
  const paths = path === undefined ? left : [path];
  const args = ["diff-tree", "-r", "-p", "--full-index", ...RENDER, ...range(from, to), "--", ...paths];
  // Paths are names and no patterns, unless they are ours.
  const env = path === undefined && left.length > 0 ? { GIT_LITERAL_PATHSPECS: "0" } : undefined;
  const { bytes, truncated } = await readCapped(
    args,
    { dir, ...(env && { env }) },
    options.maxBytes ?? 1024 * 1024,
  );
  if (!truncated) return { text: bytes.toString("utf8"), truncated };
  return { text: bytes.subarray(0, bytes.lastIndexOf("\n") + 1).toString("utf8"), truncated };
}

async function readCapped(args: string[], options: GitOptions, maxBytes: number) {
  const child = startGit(args, { input: "", ...options });
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of child.stdout ?? []) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > maxBytes) return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), truncated: true };
    }
    await child.done;
    return { bytes: Buffer.concat(chunks), truncated: false };
  } finally {
    child.stop();
  }
}
