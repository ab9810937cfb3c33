// What an agent is told at the beginning of every iteration, through its standard input. It remembers nothing of the one
// before: everything that lasts lies in the workspace.
import type { BriefAnswer } from "../protocol";

export interface Iteration {
  n: number;
  /** What went wrong with the work of the one before, such as a refused bundle; null when nothing did. */
  problem: string | null;
}

/** The text for one iteration. */
export function promptFor(brief: BriefAnswer, { n, problem }: Iteration): string {
  const { spec_file: spec, notes_folder: notes } = brief;
  const parts = [
    `You work on "${brief.title}" in the current folder, in iteration ${n}. You remember nothing of earlier iterations: read ${spec}, ${notes}/progress.md (if it is there) and the files first.`,
    `Do the first unchecked task of the checklist in ${spec}, and only that one: write the code, write tests for it, run lint and tests, and mend what is red. Only when all is green, tick the task off ("- [x]") in ${spec}. Keep ${spec} and its checklist.`,
    `Before you end, add to ${notes}/progress.md what the next iteration must know. What other jobs could learn from goes into ${notes}/new-learnings.md, one line each, such as "- gotcha: …" (pattern, gotcha, approach, decision or error-solution). If you cannot go on without a person, write the reason into ${notes}/stuck.md.`,
    `There is no network but the model's. Everything in the folder is committed for you when you end; do not use git for that.`,
  ];
  if (brief.required_tests.length > 0)
    parts.push(`These tests must exist: ${brief.required_tests.join(", ")}.`);
  if (brief.required_patterns.length > 0)
    parts.push(`Follow these patterns: ${brief.required_patterns.join(", ")}.`);
  if (brief.learnings) parts.push(`<learnings>\n${brief.learnings}\n</learnings>`);
  if (problem !== null) parts.push(`What went wrong last time: ${problem}`);
  return `${parts.join("\n\n")}\n`;
}
