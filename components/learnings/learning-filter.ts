// Which learnings a page shows, as it stands in its address. Pure; what is no valid value counts as not given.
import type { LearningKind } from "@/server/domain/learning";
import { LEARNING_KINDS } from "@/server/domain/learning-kinds";
import { STACK_NAMES, type StackName } from "@/server/domain/stacks";

export interface LearningFilter {
  /** Words to search for. */
  q?: string;
  kind?: LearningKind;
  project?: string;
  stack?: StackName;
  pinned?: "true";
  /** Those that this job found out. Words are searched in all of them, so the two do not go together. */
  job?: string;
}

const MOST_CHARS = 1_000;

export function readFilter(params: Pick<URLSearchParams, "get">): LearningFilter {
  const text = (name: string) => params.get(name)?.trim().slice(0, MOST_CHARS) || undefined;
  const q = text("q");
  const project = text("project");
  const job = text("job");
  const kind = LEARNING_KINDS.find((each) => each === params.get("kind"));
  const stack = STACK_NAMES.find((each) => each === params.get("stack"));
  return {
    ...(q && { q }),
    ...(kind && { kind }),
    ...(project && /^[\w.-]{1,100}$/.test(project) && { project }),
    ...(stack && { stack }),
    ...(params.get("pinned") === "true" && { pinned: "true" }),
    ...(job && !q && /^[\w-]{1,80}$/.test(job) && { job }),
  };
}

/** The query of the page's address, with its question mark; empty when nothing is filtered. */
export function filterQuery(filter: LearningFilter): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value) params.set(name, value);
  const query = params.toString();
  return query ? `?${query}` : "";
}
