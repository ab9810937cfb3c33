// What an agent is told at the beginning of every iteration, through its standard input. It remembers nothing of the one
// before: everything that lasts lies in the workspace.
import type { BriefAnswer } from "../protocol";

export interface Iteration {
  n: number;
  /** What people of the team said since the iteration before, in order. */
  messages: readonly Said[];
  /** Files that other jobs hold, as far as they are known: a sentence each. */
  held: readonly string[];
  /** What went wrong with the work of the one before, such as a refused bundle; null when nothing did. */
  problem: string | null;
}

/** A message of a person. */
export interface Said {
  author: string;
  text: string;
}

/** Where all messages so far lie, below the folder of notes. */
export const MESSAGES_FILE = "messages.md";

/** The messages as they are added to the file. */
export const messagesText = (messages: readonly Said[]): string =>
  messages.map(({ author, text }) => `## ${author}\n\n${text}\n\n`).join("");

/** The text for one iteration. */
export function promptFor(brief: BriefAnswer, { n, messages, held, problem }: Iteration): string {
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
  if (messages.length > 0) parts.push(steering(messages, spec, notes));
  if (held.length > 0)
    parts.push(`Other jobs work on these files; leave them as they are where you can: ${held.join("; ")}.`);
  if (problem !== null) parts.push(`What went wrong last time: ${problem}`);
  return `${parts.join("\n\n")}\n`;
}

function steering(messages: readonly Said[], spec: string, notes: string): string {
  const blocks = messages.map(({ author, text }) => {
    const safe = `${author}: ${text}`.replaceAll("</steering>", "<\\/steering>");
    return `<steering>${safe}</steering>`;
  });
  return [
    `People of the team say this now. It counts from now on, over what you were told before; all they have said so far is in ${notes}/${MESSAGES_FILE}. What it asks for beyond the checklist becomes unchecked tasks in ${spec}; do the first of them when nothing else is open.`,
    ...blocks,
  ].join("\n");
}
