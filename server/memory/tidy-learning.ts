// What is kept of a text that somebody wrote: well-formed, within the limits, without marks that change how it is shown.
// Pure.
import { createHash } from "node:crypto";
import { MOST_FILES } from "../domain/learning";
import { TEXT_CHARS, TITLE_CHARS } from "../domain/learning-kinds";
import { plainText } from "../domain/plain-json";

/** Control characters other than tab and newline, and those that turn the direction of writing around. */
const INVISIBLE = /[\p{Cc}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;
const MOST_PATH_CHARS = 300;

/** Without what cannot be seen or stored; line ends, of which Unicode has two more, are newlines. */
export function tidyText(text: string): string {
  const lines = plainText(text).replace(/\r\n?|[\u2028\u2029]/g, "\n");
  return lines.replace(INVISIBLE, (mark) => (mark === "\n" || mark === "\t" ? mark : "")).trim();
}

/** One line of at most `TITLE_CHARS` characters. */
export function tidyTitle(title: string): string {
  return cut(tidyText(title).replace(/\s+/g, " "), TITLE_CHARS);
}

/** At most `TEXT_CHARS` characters. */
export function tidyBody(text: string): string {
  return cut(tidyText(text), TEXT_CHARS);
}

/** Paths of a repository, each once, at most `MOST_FILES`; what is no such path is left out. */
export function tidyFiles(paths: readonly string[]): string[] {
  const clean = paths
    .map((path) => tidyText(path).replace(/^\.\//, ""))
    .filter((path) => path !== "" && path.length <= MOST_PATH_CHARS && !/^\/|\s|(^|\/)\.\.(\/|$)/.test(path));
  return [...new Set(clean)].slice(0, MOST_FILES);
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  // An emoji that is cut in two is left out whole.
  return `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** The words of a text without case and marks, as they are compared. */
function wordsOf(text: string): string[] {
  return (
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

/** SHA-256 of the words: two learnings with the same hash say the same. Not of the kind, which is a matter of opinion. */
export function hashOf({ title, text }: { title: string; text: string }): string {
  return createHash("sha256")
    .update(wordsOf(`${title} ${text}`).join(" "))
    .digest("hex");
}

/** How much of what two texts say is the same, 0 to 1: the words in both of all the words (Jaccard). */
export function likeness(one: string, other: string): number {
  const a = new Set(wordsOf(one));
  const b = new Set(wordsOf(other));
  if (a.size === 0 && b.size === 0) return 1;
  let both = 0;
  for (const word of a) if (b.has(word)) both++;
  return both / (a.size + b.size - both);
}
