// Reads what a commit holds, for pages, tools and gates. Nothing here touches a folder of the host (invariant 9).
import { Readable } from "node:stream";
import { assertObjectId, GitError, git, startGit } from "./git";
import { listTreeParts } from "./list-tree";
import { readObjects } from "./object-stream";
import { pathProblem } from "./tree-policy";

export interface FileEntry {
  path: string;
  /** Bytes. */
  size: number;
  oid: string;
  executable: boolean;
}

/** All files of a commit, in git's order. @throws GitError */
export async function readTree(dir: string, commit: string): Promise<FileEntry[]> {
  const files: FileEntry[] = [];
  for await (const entries of listTreeParts(commit, { dir })) {
    for (const { type, path, size, oid, mode } of entries) {
      if (type === "blob") files.push({ path, size: size ?? 0, oid, executable: mode === "100755" });
    }
  }
  return files;
}

export interface BlobContent {
  bytes: Buffer;
  /** Bytes of the whole file. */
  size: number;
  truncated: boolean;
  /** There is a NUL among its first 8,000 bytes, as git itself decides it. */
  binary: boolean;
}

/**
 * The first `maxBytes` of a file, or null when the commit has no such file.
 * @throws GitError
 */
export async function readBlob(
  dir: string,
  commit: string,
  path: string,
  maxBytes: number,
): Promise<BlobContent | null> {
  if (pathProblem(path) !== null) return null;
  const input = `${assertObjectId(commit)}:${path}\n`;
  const child = startGit(["cat-file", "--batch"], { dir, input });
  try {
    let head: Buffer = Buffer.alloc(0);
    for await (const chunk of child.stdout ?? []) {
      head = Buffer.concat([head, chunk as Buffer]);
      const line = head.indexOf("\n");
      if (line < 0) continue;
      const found = /^[0-9a-f]{40} (\w+) (\d+)$/.exec(head.subarray(0, line).toString("latin1"));
      if (found?.[1] !== "blob") return null;
      const size = Number(found[2]);
      const wanted = Math.min(size, maxBytes);
      if (head.length - line - 1 < wanted) continue;
      const bytes = head.subarray(line + 1, line + 1 + wanted);
      return { bytes, size, truncated: size > wanted, binary: bytes.subarray(0, 8000).includes(0) };
    }
    await child.done;
    throw new GitError("failed", "cat-file", 0, null, "the answer was cut off");
  } finally {
    child.stop();
  }
}

/**
 * Whole blobs by object id, read by one process.
 * @throws GitError when one is missing
 */
export async function readBlobs(dir: string, oids: readonly string[]): Promise<Buffer[]> {
  if (oids.length === 0) return [];
  const input = oids.map((oid) => `${assertObjectId(oid)}\n`).join("");
  const child = startGit(["cat-file", "--batch"], { dir, input });
  try {
    const blobs: Buffer[] = [];
    for await (const blob of readObjects(child.stdout ?? Readable.from([]))) blobs.push(blob);
    await child.done;
    if (blobs.length !== oids.length)
      throw new GitError("failed", "cat-file", 0, null, "the answer was cut off");
    return blobs;
  } finally {
    child.stop();
  }
}

export interface LogEntry {
  commit: string;
  tree: string;
  parents: string[];
  author: string;
  at: Date;
  message: string;
}

/** The commit and what is below it, newest first, at most `limit`. @throws GitError */
export async function log(dir: string, commit: string, limit = 100): Promise<LogEntry[]> {
  const format = "%H%x1f%T%x1f%P%x1f%an%x1f%at%x1f%B";
  const args = [
    "log",
    "-z",
    "--no-show-signature",
    `--format=${format}`,
    `--max-count=${Math.max(1, Math.floor(limit))}`,
  ];
  const out = await git([...args, assertObjectId(commit), "--"], { dir });
  const records = out.toString("utf8").split("\0").filter(Boolean);
  return records.map((record) => {
    const [id = "", tree = "", parents = "", author = "", at = "0", ...message] = record.split("\x1f");
    return {
      commit: id,
      tree,
      parents: parents.split(" ").filter(Boolean),
      author,
      at: new Date(Number(at) * 1000),
      message: message.join("\x1f").trim(),
    };
  });
}
