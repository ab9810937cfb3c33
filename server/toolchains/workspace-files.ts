// Questions about a workspace's list of files that both toolchains ask.
import type { FileList } from "./port";

const SKIPPED = new Set(
  "node_modules dist build coverage out .next .git .venv venv .tox site-packages __pycache__ __pypackages__".split(
    " ",
  ),
);

/** Files that are the project's own source: outside of dependency, build and cache folders. */
export function ownFiles(files: FileList): string[] {
  return files.filter(
    (file) =>
      !file
        .split("/")
        .slice(0, -1)
        .some((folder) => SKIPPED.has(folder)),
  );
}

/** The folder of a file, "." for the workspace root. */
export function folderOf(file: string): string {
  const slash = file.lastIndexOf("/");
  return slash < 0 ? "." : file.slice(0, slash);
}

export function nameOf(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}

/** The nearest folder at or above `file` that holds one of `markers`, else the workspace root ".". */
export function projectFolder(file: string, files: ReadonlySet<string>, markers: readonly string[]): string {
  for (let folder = folderOf(file); folder !== "."; folder = folderOf(folder)) {
    if (markers.some((marker) => files.has(`${folder}/${marker}`))) return folder;
  }
  return ".";
}

/** A path inside a folder that may be ".". */
export function within(folder: string, name: string): string {
  return folder === "." ? name : `${folder}/${name}`;
}

/** Test files that are run together: one runner, one project folder. */
export interface TestGroup {
  runner: string;
  dir: string;
  files: string[];
}

/** Longest argument the kernel takes is 128 KiB; long lists are given in several arguments and joined there. */
const FILES_PER_ARGUMENT = 500;

/** The groups as JSON arguments for our test programs. */
export function groupArguments(groups: readonly TestGroup[]): string[] {
  return groups.flatMap((group) => {
    const parts: string[] = [];
    for (let at = 0; at < group.files.length; at += FILES_PER_ARGUMENT) {
      parts.push(JSON.stringify({ ...group, files: group.files.slice(at, at + FILES_PER_ARGUMENT) }));
    }
    return parts;
  });
}
