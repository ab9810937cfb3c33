// What pages need to know of learnings, without the schema library that their inputs need.

export const LEARNING_KINDS = ["pattern", "gotcha", "approach", "decision", "error-solution"] as const;

/** Longest title and text, in characters. */
export const TITLE_CHARS = 200;
export const TEXT_CHARS = 4_000;
