// Where a job's plan lies in its workspace. Pure.
import type { JobKind } from "./job-kind";

/** What the factory keeps beside the work on an existing repository; it is never delivered. */
export const FACTORY_FOLDER = ".fabrica";

/** A new project keeps its plan; somebody else's repository is not given one. */
export function specFile(kind: JobKind): string {
  return kind === "build" ? "SPEC.md" : `${FACTORY_FOLDER}/SPEC.md`;
}
