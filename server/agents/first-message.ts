// What an agent is told about its job: the same blocks for every role and every model.
import { workKind } from "../domain/job-kind";
import { toolchainsOf } from "../domain/stacks";
import type { Job } from "../generated/prisma/client";
import { outlineOf } from "./outline";

const MAX_SPEC_CHARS = 60_000;

export interface Briefing {
  spec?: string | null;
  task?: { n: number; of: number; title: string };
  /** All files of the workspace; of a large one an outline is shown. */
  files?: readonly string[];
  /** Of the project in the repository, "" for its root. */
  folder?: string;
  failure?: string;
  attempt?: { n: number; max: number };
}

/** The first user message. Blocks are in tags on lines of their own; closing tags inside texts are defused. */
export function firstMessage(
  job: Job,
  { spec, task, files, folder = "", failure, attempt }: Briefing,
): string {
  const request = {
    kind: workKind(job),
    ...(workKind(job) === "change" && { folder }),
    title: job.title,
    description: job.description,
    features: job.features,
    stack: job.techStack,
    toolchains: toolchainsOf(job.techStack),
    context: job.context,
    required_patterns: job.requiredPatterns,
    required_tests: job.requiredTests,
  };
  const blocks = [block("job", JSON.stringify(request))];
  if (spec) blocks.push(block("spec", spec.slice(0, MAX_SPEC_CHARS)));
  if (task) blocks.push(block("task", JSON.stringify(task)));
  if (files) blocks.push(block("files", outlineOf(files)));
  if (failure) blocks.push(block("failure", failure));
  if (attempt) blocks.push(block("attempt", JSON.stringify(attempt)));
  return blocks.join("\n");
}

function block(name: string, content: string): string {
  return `<${name}>${content.replaceAll(`</${name}>`, `<\\/${name}>`)}</${name}>`;
}
