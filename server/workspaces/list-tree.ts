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
  const child = startGit(["ls-tree", "-r", "-t", "-z", "-l", "--full-tree", assertObjectId(treeish)], {
    timeoutMs: 60_000,
    input: "",
    ...options,
  });
  try {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of child.stdout ?? []) {
      rest = rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer);
      let start = 0;
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0, start)) {
        yield parseEntry(rest.subarray(start, end));
        start = end + 1;
      }
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
  const [mode = "", type = "", oid = "", size = "-"] = record.subarray(0, tab).toString("latin1").split(/ +/);
  const name = record.subarray(tab + 1);
  const broken = !isUtf8(name);
  return {
    mode,
    type,
    oid,
    size: /^\d+$/.test(size) ? Number(size) : null,
    path: name.toString("utf8"),
    broken,
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
  for await (const entry of listTree(treeish, options)) {
    if (!policy.check(entry)) break;
    if (entry.type === "blob" && entry.mode !== "120000") files.push(entry);
  }
  if (policy.problems.length > 0) throw new WorkspaceRefused(policy.problems);
  return files;
}
