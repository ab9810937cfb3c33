// A Python library: the behaviour of core.ts as a package to import.
import type { Project, SourceFile } from "../project";
import { forSource } from "../text";
import { pythonBase } from "./base";
import type { PythonPlace } from "./core";

export const LIBRARY_PLACE: PythonPlace = { top: "toolkit", features: "toolkit" };

/** What every library starts with. */
export function pythonLibrarySkeleton(project: Project): SourceFile[] {
  return [
    { path: "toolkit/__init__.py", content: `"""${forSource(project.title)}."""\n` },
    ...pythonBase("toolkit"),
  ];
}
