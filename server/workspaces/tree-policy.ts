// Which trees may enter a job's repository and leave it for a folder (invariants 8 and 9): regular files only, under
// names that mean the same on every file system, and links and submodules that a base brought, as they are.
// Pure; the entries come from `ls-tree`.
import { shownPath } from "./refusal";

export interface TreeLimits {
  /** A tree must have fewer files and folders than this. */
  entries: number;
  /** Bytes of a whole path, and of one name in it. */
  pathBytes: number;
  nameBytes: number;
  /** Bytes of one file, and of all files together. */
  fileBytes: number;
  totalBytes: number;
}

export const TREE_LIMITS: TreeLimits = {
  entries: 10_000,
  pathBytes: 1_000,
  nameBytes: 255,
  fileBytes: 20 * 1024 * 1024,
  totalBytes: 200 * 1024 * 1024,
};

export interface TreeEntry {
  mode: string;
  type: string;
  oid: string;
  /** Bytes; null for anything but a file. */
  size: number | null;
  path: string;
  /** The name is not valid UTF-8. */
  broken: boolean;
}

/** What a base may have, and with some room what is made of it. */
export const BASE_LIMITS: TreeLimits = {
  ...TREE_LIMITS,
  entries: 100_000,
  fileBytes: 50 * 1024 * 1024,
  totalBytes: 1024 * 1024 * 1024,
};
export const CHANGE_LIMITS: TreeLimits = { ...BASE_LIMITS, entries: 110_000, totalBytes: 1280 * 1024 * 1024 };

/** Whether a link or a submodule may be there. */
export type Carries = (entry: TreeEntry) => boolean;

const MAX_PROBLEMS = 10;
const ASCII = /^[\x20-\x7e]*$/;
// Control characters, line separators, and characters that turn or hide text.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;

/** Nearly all paths there are; nothing of what is looked for below can be in one. */
const ORDINARY = /^[\w@+=,()[\]-][\w@+=,()[\].-]*(?:\/[\w@+=,()[\]-][\w@+=,()[\].-]*)*$/;

/** What is wrong with a path, as the end of a sentence; null when nothing is. */
export function pathProblem(path: string, limits: TreeLimits = TREE_LIMITS): string | null {
  if (path.length <= limits.nameBytes && path.length <= limits.pathBytes && ORDINARY.test(path)) return null;
  if (Buffer.byteLength(path) > limits.pathBytes) return `is longer than ${limits.pathBytes} bytes`;
  if (UNSEEN.test(path)) return "has control or invisible characters in its name";
  if (path.includes("\\")) return "has a backslash in its name";
  for (const name of path.split("/")) {
    if (name === "") return "has an empty part in its name";
    if (name === "." || name === "..") return "leads out of the workspace";
    if (Buffer.byteLength(name) > limits.nameBytes) return `has a name longer than ${limits.nameBytes} bytes`;
    // How Windows and macOS would read the name: up to a colon, without dots and spaces at its end.
    const read = (name.split(":")[0] ?? "").replace(/[. ]+$/, "").toLowerCase();
    if (read === ".git" || read === "git~1") return "is named .git, which is reserved";
  }
  return null;
}

/** Takes entries one by one and remembers what is wrong with them. */
export class TreePolicy {
  readonly problems: string[] = [];
  /** There are too many entries, or they are too large together. */
  tooLarge = false;
  private readonly seen = new Map<string, string>();
  private entries = 0;
  private bytes = 0;

  constructor(
    private readonly limits: TreeLimits = TREE_LIMITS,
    private readonly carries: Carries = () => false,
  ) {}

  /** @returns false when there is no use in looking further */
  check(entry: TreeEntry): boolean {
    this.entries += 1;
    if (this.entries >= this.limits.entries) {
      return this.stop(`The workspace must have fewer than ${this.limits.entries} files and folders.`);
    }
    this.checkName(entry);
    this.checkKind(entry);
    if (this.bytes > this.limits.totalBytes) {
      return this.stop(`The workspace is larger than ${mebibytes(this.limits.totalBytes)} MiB.`);
    }
    return this.problems.length < MAX_PROBLEMS;
  }

  private checkName(entry: TreeEntry): void {
    const problem = entry.broken ? "is not valid UTF-8" : pathProblem(entry.path, this.limits);
    if (problem) this.problems.push(`${shownPath(entry.path)} ${problem}.`);
    const folded = (ASCII.test(entry.path) ? entry.path : entry.path.normalize("NFC")).toLowerCase();
    const twin = this.seen.get(folded);
    if (twin === undefined) this.seen.set(folded, entry.path);
    else
      this.problems.push(
        `${shownPath(entry.path)} and ${shownPath(twin)} differ only in upper and lower case.`,
      );
  }

  private checkKind(entry: TreeEntry): void {
    const path = shownPath(entry.path);
    if (entry.mode === "040000") return;
    if ((entry.mode === "120000" || entry.mode === "160000") && this.carries(entry)) return;
    if (entry.mode === "120000")
      this.problems.push(`${path} is a symbolic link; only regular files are kept.`);
    else if (entry.mode === "160000")
      this.problems.push(`${path} is a git repository of its own; remove its .git.`);
    else if (entry.mode !== "100644" && entry.mode !== "100755") {
      this.problems.push(`${path} has the file mode ${entry.mode}, which is not kept.`);
    } else if (entry.size === null) this.problems.push(`${path} has no readable content.`);
    else {
      this.bytes += entry.size;
      if (entry.size > this.limits.fileBytes) {
        this.problems.push(`${path} is larger than ${mebibytes(this.limits.fileBytes)} MiB.`);
      }
    }
  }

  private stop(problem: string): false {
    this.problems.push(problem);
    this.tooLarge = true;
    return false;
  }
}

function mebibytes(bytes: number): number {
  return Math.round((bytes / 1024 / 1024) * 10) / 10;
}
