// One folder of a repository as detection looks at it: the paths below it, and the texts that were read of them.
// Nothing here reads a disk; what was not read counts as not there.
import type { FileList } from "./port";
import { ownFiles } from "./workspace-files";

export type ReadText = (path: string) => string | null;

/** A project's folder, with paths relative to it. */
export interface ProjectView {
  /** The project's own files, without those of dependency, build and cache folders. */
  files: FileList;
  has(path: string): boolean;
  read: ReadText;
  /** Ways up to the repository's root, nearest first: "..", "../.." and so on. */
  above: readonly string[];
  /** A file of a folder above. */
  hasAbove(up: string, name: string): boolean;
  readAbove(up: string, name: string): string | null;
}

/** @param folder the project's folder in the repository; "" or "." for its root */
export function viewOf(files: FileList, readText: ReadText, folder: string): ProjectView {
  const parts = folder.split("/").filter((part) => part !== "" && part !== ".");
  const prefix = parts.map((part) => `${part}/`).join("");
  const all = new Set(files);
  const below = files.filter((file) => file.startsWith(prefix)).map((file) => file.slice(prefix.length));
  const own = ownFiles(below);
  const placed = (up: string, name: string) => {
    const depth = parts.length - up.split("/").length;
    return [...parts.slice(0, depth), name].join("/");
  };
  return {
    files: own,
    has: (path) => all.has(prefix + path),
    read: (path) => (all.has(prefix + path) ? readText(prefix + path) : null),
    above: parts.map((_, i) => Array.from({ length: i + 1 }, () => "..").join("/")),
    hasAbove: (up, name) => all.has(placed(up, name)),
    readAbove: (up, name) => readText(placed(up, name)),
  };
}

/** What one language proposes for a folder. */
export interface Proposal {
  techStack: string[];
  setup: string | null;
  lint: string | null;
  test: string | null;
  notes: string[];
}
