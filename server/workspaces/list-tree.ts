// Streams the entries of a tree out of git, so that a hostile tree can be left in the middle.
import { isUtf8 } from "node:buffer";
import { assertObjectId, type GitOptions, startGit } from "./git";
import { WorkspaceRefused } from "./refusal";
import { type Carries, type TreeEntry, type TreeLimits, TreePolicy } from "./tree-policy";

/** Longest record that we wait for: a path over every limit plus its columns. */
const MAX_RECORD_BYTES = 64 * 1024;

/**
 * Gives every file and folder below a commit or tree, folders before what is in them (a tree of nothing but nested
 * folders has no files to stop at). @throws GitError
 */
export async function* listTree(treeish: string, options: GitOptions): AsyncGenerator<TreeEntry> {
  for await (const entries of listTreeParts(treeish, options)) yield* entries;
}

/** The same as git says it, some entries at a time: waiting for each one costs more than reading it. */
export async function* listTreeParts(treeish: string, options: GitOptions): AsyncGenerator<TreeEntry[]> {
  const child = startGit(["ls-tree", "-r", "-t", "-z", "-l", "--full-tree", assertObjectId(treeish)], {
    timeoutMs: 60_000,
    input: "",
    ...options,
  });
  try {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of child.stdout ?? []) {
      rest = rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer);
      const entries: TreeEntry[] = [];
      let start = 0;
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0, start)) {
        entries.push(parseEntry(rest.subarray(start, end)));
        start = end + 1;
      }
      yield entries;
      rest = rest.subarray(start);
      if (rest.length > MAX_RECORD_BYTES)
        throw new WorkspaceRefused(["A path in the workspace is far too long."]);
    }
    await child.done;
  } finally {
    child.stop();
  }
}

// <mode> SP <type> SP <object> SP+ <size or -> TAB <path>
function parseEntry(record: Buffer): TreeEntry {
  const tab = record.indexOf(9);
  const columns = record.toString("latin1", 0, tab);
  const type = columns.slice(7, columns.indexOf(" ", 7));
  const oid = 8 + type.length;
  const size = columns.slice(oid + 40).trimStart();
  const name = record.subarray(tab + 1);
  return {
    mode: columns.slice(0, 6),
    type,
    oid: columns.slice(oid, oid + 40),
    size: /^\d+$/.test(size) ? Number(size) : null,
    path: name.toString("utf8"),
    broken: !isUtf8(name),
  };
}

/**
 * The regular files of a tree that passes the policy.
 * @param carries which links and submodules may be there; none by default
 * @throws WorkspaceRefused with everything found wrong; GitError
 */
export async function listCheckedTree(
  treeish: string,
  limits: TreeLimits,
  options: GitOptions,
  carries?: Carries,
): Promise<TreeEntry[]> {
  const policy = new TreePolicy(limits, carries);
  const files: TreeEntry[] = [];
  reading: for await (const entries of listTreeParts(treeish, options)) {
    for (const entry of entries) {
      if (!policy.check(entry)) break reading;
      if (entry.type === "blob" && entry.mode !== "120000") files.push(entry);
    }
  }
  if (policy.problems.length > 0) throw new WorkspaceRefused(policy.problems);
  return files;
}
