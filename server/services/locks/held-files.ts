// Which files are held, and whether others get in their way. A path stands for itself and for everything below it, so
// two paths overlap when they are equal or when one is a folder above the other. Pure.
import { plainText } from "../../domain/plain-json";

/** The whole repository. */
const EVERYTHING = "./";
/** What an index of the database can hold of a path, with room to spare, in bytes of UTF-8. */
const LONGEST = 2_000;

export interface HeldFile {
  path: string;
  /** Internal id of the root job that holds it. */
  root: bigint;
  /** Its public id. */
  holder: string;
}

/**
 * A declared or touched path in the one form in which locks are stored. A folder keeps its slash at the end; a path
 * that is too long to be stored is held by a folder above it.
 */
export function lockPath(given: string): string {
  const plain = plainText(given);
  const parts = plain.split("/").filter((part) => part !== "" && part !== ".");
  let folder = /(^|\/)\.?$/.test(plain);
  while (parts.length > 0 && Buffer.byteLength(parts.join("/")) > LONGEST) {
    parts.pop();
    folder = true;
  }
  if (parts.length === 0) return EVERYTHING;
  return folder ? `${parts.join("/")}/` : parts.join("/");
}

/** Paths in the form of locks, each once. */
export const lockPaths = (given: readonly string[]): string[] => [...new Set(given.map(lockPath))];

const keyOf = (path: string): string => (path === EVERYTHING ? "" : path.replace(/\/$/, ""));

/** The folders above a key, the whole repository first. */
function above(key: string): string[] {
  if (key === "") return [];
  const folders = [""];
  for (let at = key.indexOf("/"); at !== -1; at = key.indexOf("/", at + 1)) folders.push(key.slice(0, at));
  return folders;
}

/** The files that are held in one project. */
export class HeldFiles {
  /** "src" and "src/" may both be held, by one job. */
  private readonly at = new Map<string, HeldFile>();
  /** By folder: one file below it for each job that holds any. */
  private readonly below = new Map<string, Map<bigint, HeldFile>>();

  constructor(files: readonly HeldFile[] = []) {
    for (const file of files) this.add(file);
  }

  add(file: HeldFile): void {
    const key = keyOf(file.path);
    this.at.set(key, file);
    for (const folder of above(key)) {
      const files = this.below.get(folder) ?? new Map<bigint, HeldFile>();
      this.below.set(folder, files);
      if (!files.has(file.root)) files.set(file.root, file);
    }
  }

  /**
   * What of others is in the way of a path, one file for each of them.
   * @param root internal id of the root job that asks; its own files are in nobody's way
   */
  conflictsAt(root: bigint, path: string): HeldFile[] {
    const key = keyOf(path);
    const found = new Map<bigint, HeldFile>();
    for (const file of this.below.get(key)?.values() ?? []) found.set(file.root, file);
    for (const place of [...above(key), key]) {
      const file = this.at.get(place);
      if (file) found.set(file.root, file);
    }
    found.delete(root);
    return [...found.values()];
  }

  /** The first thing in the way of any of some paths, or null. */
  conflictOf(root: bigint, paths: readonly string[]): HeldFile | null {
    for (const path of paths) {
      const [first] = this.conflictsAt(root, path);
      if (first) return first;
    }
    return null;
  }
}
