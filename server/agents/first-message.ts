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
  /** The latest commits, and the end of what agents noted for each other. */
  history?: string;
  progress?: string;
  /** What earlier jobs found out. */
  learnings?: string | null;
  failure?: string;
  /** What a debugger found. */
  findings?: string;
  /** The whole change, for whoever judges it. */
  diff?: string;
  /** A plan that was sent back, and what people said of it and of those before. */
  plan?: string;
  remarks?: string;
  /** How much of the tests is to be held back, in words. */
  hold?: string;
  /** How many ways to build it are wanted. */
  approaches?: number;
  attempt?: { n: number; max: number };
}

/** The first user message. Blocks are in tags on lines of their own; closing tags inside texts are defused. */
export function firstMessage(
  job: Job,
  { spec, task, files, folder = "", failure, attempt, ...more }: Briefing,
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
  if (more.history) blocks.push(block("history", more.history));
  if (more.progress) blocks.push(block("progress", more.progress));
  if (more.learnings) blocks.push(block("learnings", more.learnings));
  if (more.diff) blocks.push(block("diff", more.diff));
  if (failure) blocks.push(block("failure", failure));
  if (attempt) blocks.push(block("attempt", JSON.stringify(attempt)));
  if (more.findings) blocks.push(block("findings", more.findings));
  if (more.plan) blocks.push(block("plan", more.plan.slice(0, MAX_SPEC_CHARS)));
  if (more.remarks) blocks.push(block("remarks", more.remarks));
  if (more.hold) blocks.push(block("hold", more.hold));
  if (more.approaches) blocks.push(block("approaches", String(more.approaches)));
  return blocks.join("\n");
}

function block(name: string, content: string): string {
  return `<${name}>${content.replaceAll(`</${name}>`, `<\\/${name}>`)}</${name}>`;
}
