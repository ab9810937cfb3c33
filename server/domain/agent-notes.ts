// Files by which agents of one job speak to each other and to the factory. They lie in the workspace while the work is
// under way, and are no part of what is delivered.

export const NOTES_FOLDER = ".ai";

export const NOTES = {
  /** What was done and what the next one must know; each agent adds to it. */
  progress: `${NOTES_FOLDER}/progress.md`,
  /** What later jobs should know. */
  learnings: `${NOTES_FOLDER}/new-learnings.md`,
  /** Written by an agent that cannot go on: why. */
  stuck: `${NOTES_FOLDER}/stuck.md`,
} as const;
