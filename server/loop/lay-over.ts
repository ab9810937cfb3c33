// Lays files over the tree of a sandbox and takes them away again, as commands of the group that needs them.
import { writeCommand } from "../agents/tools";
import type { WorkspaceFiles } from "../services/workspace/workspace-files";
import type { HeldFile } from "../workspaces/held-back";
import { execSpec, type Wanted } from "./run-programs";

export interface Overlay {
  /** The workspace as it is with the files. */
  files: WorkspaceFiles;
  lay: (key: string) => Wanted[];
  clear: (key: string) => Wanted[];
}

/** @param held files that are laid over others of the same name */
export function overlayOf(files: WorkspaceFiles, held: readonly HeldFile[]): Overlay {
  const texts = new Map(held.map(({ path, text }) => [path, text]));
  return {
    files: {
      paths: [...new Set([...files.paths, ...texts.keys()])],
      readText: (path) => texts.get(path) ?? files.readText(path),
    },
    lay: (key) =>
      held.map(({ path, text }, i) => ({ key: `${key}/lay-${i}`, spec: writeCommand(path, text) })),
    clear: (key) =>
      held.map(({ path }, i) => {
        const before = files.paths.includes(path) ? files.readText(path) : null;
        const spec = before === null ? execSpec(["rm", "-f", "--", path]) : writeCommand(path, before);
        return { key: `${key}/clear-${i}`, spec };
      }),
  };
}
