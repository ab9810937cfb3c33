// The SPEC.md that an external agent finds in its workspace: the request in its own words and a checklist. Pure.
import { parseTasks } from "./checklist";

/** What of a job goes into it. */
export interface SpecRequest {
  title: string;
  description: string;
  features: readonly string[];
  techStack: readonly string[];
  requiredPatterns: readonly string[];
  requiredTests: readonly string[];
  declaredFiles: readonly string[];
  context: string | null;
  /** A specification that came with the request. */
  spec: string | null;
}

/** Longest title of a task. */
const TASK_CHARS = 280;

/**
 * @param mend what the last run was rejected for, which becomes a task; null when there was none
 * @param kept the SPEC.md of an earlier run, which goes on
 */
export function externalSpec(
  request: SpecRequest,
  { mend, kept }: { mend: string | null; kept: string | null },
): string {
  const begun = kept ?? (request.spec?.trim() ? request.spec : written(request));
  const listed = parseTasks(begun).length > 0 ? begun : withTasks(begun, tasksOf(request));
  const isOpen = parseTasks(listed).some(({ done }) => !done);
  if (mend === null && isOpen) return listed;
  return withTasks(listed, [mend === null ? "Look over the work and mend what is missing" : `Mend: ${mend}`]);
}

function written(request: SpecRequest): string {
  const parts = [`# ${oneLine(request.title)}`];
  if (request.description.trim()) parts.push(request.description.trim());
  if (request.context?.trim()) parts.push(`## Context\n\n${request.context.trim()}`);
  const must = [
    ...request.techStack.map((name) => `Written with ${name}`),
    ...request.requiredPatterns.map((pattern) => `Follows the pattern: ${oneLine(pattern)}`),
    ...request.declaredFiles.map((path) => `Has the file ${oneLine(path)}`),
    ...request.requiredTests.map((test) => `Has the test ${oneLine(test)}`),
    "Every behaviour has a test; lint and tests are green",
  ];
  parts.push(`## What must hold\n\n${must.map((line) => `- ${line}`).join("\n")}`);
  return `${parts.join("\n\n")}\n`;
}

function tasksOf({ title, features }: SpecRequest): string[] {
  return features.length > 0 ? [...features] : [title];
}

function withTasks(spec: string, tasks: readonly string[]): string {
  const lines = tasks.map((task) => `- [ ] ${oneLine(task)}`).join("\n");
  const has = parseTasks(spec).length > 0;
  return `${spec.trimEnd()}\n${has ? "" : "\n## Tasks\n\n"}${lines}\n`;
}

const oneLine = (text: string) => text.replace(/\s+/g, " ").trim().slice(0, TASK_CHARS).toWellFormed();
