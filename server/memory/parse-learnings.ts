// Learnings out of Markdown, as agents and people write it: lines such as "- [gotcha] Title: text", and sections under
// headings. Takes what is there and refuses nothing; what comes out is within the limits. Pure.
import type { LearningKind, NewLearning } from "../domain/learning";
import { LEARNING_KINDS } from "../domain/learning-kinds";
import { tidyBody, tidyFiles, tidyText, tidyTitle } from "./tidy-learning";

/** More of a file is not read, in characters. */
const MOST_CHARS = 256 * 1024;
const MOST_LINE_CHARS = 8_000;
const TITLE_WISH_CHARS = 120;
/** Kind of what says none. */
const PLAIN_KIND: LearningKind = "pattern";

export type ParsedLearning = Omit<NewLearning, "stack">;

interface Draft {
  kind: LearningKind | null;
  /** Null for an item, whose first line holds title and text. */
  title: string | null;
  lines: string[];
}

/**
 * Reads a file. Free it of secrets first: what is cut here could leave a part of one.
 * @param most how many are taken at most
 */
export function parseLearnings(markdown: string, most: number): ParsedLearning[] {
  const lines = withoutFrontMatter(tidyText(markdown.slice(0, MOST_CHARS)).split("\n"));
  const found: ParsedLearning[] = [];
  for (const draft of draftsOf(lines)) {
    const learning = finish(draft);
    if (learning) found.push(learning);
    if (found.length >= most) break;
  }
  return found;
}

function withoutFrontMatter(lines: string[]): string[] {
  if (lines[0]?.trim() !== "---") return lines;
  const end = lines.indexOf("---", 1);
  return end === -1 ? lines : lines.slice(end + 1);
}

/** Cuts the lines into sections and items. */
function* draftsOf(lines: readonly string[]): Generator<Draft> {
  const reader = new Reader();
  for (const raw of lines) yield* reader.read(raw.slice(0, MOST_LINE_CHARS));
  yield* reader.end();
}

class Reader {
  /** The heading above, and its text apart from its items. */
  private section: Draft = { kind: null, title: null, lines: [] };
  private item: Draft | null = null;
  private fenced = false;
  /** Whether lines of a list without a kind stand for themselves. */
  private loose = true;

  *read(line: string): Generator<Draft> {
    if (/^\s*(```|~~~)/.test(line)) this.fenced = !this.fenced;
    else if (!this.fenced) {
      const heading = /^(#{1,6})\s+(.*)$/.exec(line);
      if (heading)
        return yield* this.open((heading[1] ?? "").length, (heading[2] ?? "").replace(/\s#+$/, ""));
      const item = /^ {0,3}(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?(.*)$/.exec(line);
      if (item) {
        const { kind, rest } = kindOf(item[1] ?? "");
        if (kind !== null || this.loose) {
          yield* this.close();
          this.item = { kind: kind ?? this.section.kind, title: null, lines: [rest] };
          return;
        }
      }
      // What is not indented behind an empty line is no part of the item above.
      if (this.item?.lines.at(-1)?.trim() === "" && /^\S/.test(line)) yield* this.close();
    }
    (this.item ?? this.section).lines.push(line);
  }

  *end(): Generator<Draft> {
    yield* this.close();
    yield this.section;
  }

  private *open(level: number, heading: string): Generator<Draft> {
    yield* this.end();
    const { kind, rest } = kindOf(heading);
    // "## Gotchas" is about what stands below it and no learning by itself.
    this.section = { kind, title: kind !== null && rest === "" ? null : rest, lines: [] };
    this.loose = level === 1 || (kind !== null && rest === "");
  }

  private *close(): Generator<Draft> {
    if (this.item) yield this.item;
    this.item = null;
  }
}

const NAMES: ReadonlyMap<string, LearningKind> = new Map([
  ...LEARNING_KINDS.flatMap((kind): [string, LearningKind][] => [
    [kind, kind],
    [`${kind}s`, kind],
  ]),
  ["approaches", "approach"],
  ["error", "error-solution"],
  ["errors", "error-solution"],
  ["solution", "error-solution"],
  ["fix", "error-solution"],
  ["pitfall", "gotcha"],
  ["pitfalls", "gotcha"],
]);
const NAME = "[a-zA-Z]+(?:[-_ ](?:solutions?))?";
const MARKS = [
  new RegExp(`^\\[(${NAME})\\]:?\\s*(.*)$`),
  new RegExp(`^\\((${NAME})\\):?\\s*(.*)$`),
  new RegExp(`^[*_]{1,2}(${NAME})(?::[*_]{1,2}|[*_]{1,2}:?)\\s*(.*)$`),
  new RegExp(`^(${NAME}):\\s*(.*)$`),
  new RegExp(`^(${NAME})()$`),
];

/** The kind that a line begins with, and the rest of it. */
function kindOf(line: string): { kind: LearningKind | null; rest: string } {
  const text = line.trim();
  for (const mark of MARKS) {
    const [, name = "", rest = ""] = mark.exec(text) ?? [];
    const kind = NAMES.get(name.toLowerCase().replace(/[_ ]/g, "-"));
    if (kind) return { kind, rest: rest.trim() };
  }
  return { kind: null, rest: text };
}

function finish({ kind, title, lines }: Draft): ParsedLearning | null {
  const { files, kept } = filesIn(lines);
  const body = tidyBody(kept.join("\n"));
  const parts = title === null ? split(body) : { title, text: body };
  const learning = {
    kind: kind ?? PLAIN_KIND,
    title: tidyTitle(parts.title.replace(/[*_`]{2}/g, "")),
    text: tidyBody(parts.text),
    files: tidyFiles(files),
  };
  return learning.title === "" || learning.text === "" ? null : learning;
}

/** A line "Files: a, b" names files. */
function filesIn(lines: readonly string[]): { files: string[]; kept: string[] } {
  const files: string[] = [];
  const kept = lines.filter((line) => {
    const named = /^\s*(?:[-*]\s*)?\**files?:\**\s*(\S.*)$/i.exec(line)?.[1];
    if (named) files.push(...named.split(/[,\s]+/).map((path) => path.replace(/^`|`$/g, "")));
    return !named;
  });
  return { files, kept };
}

/** "Title: text", or what the first sentence says. */
function split(body: string): { title: string; text: string } {
  const [first = "", ...more] = body.split("\n");
  const told = /^(.{1,200}?)(?:: | [–—] )(\S.*)$/.exec(first);
  if (told?.[1] && told[1].length <= TITLE_WISH_CHARS)
    return { title: told[1], text: [told[2], ...more].join("\n") };
  const sentence = /^.{10,}?[.!?](?=\s|$)/.exec(first)?.[0] ?? first;
  const title = sentence.length > TITLE_WISH_CHARS ? `${sentence.slice(0, TITLE_WISH_CHARS - 1)}…` : sentence;
  const alone = sentence === first && more.join("").trim() !== "";
  return { title, text: alone ? more.join("\n") : body };
}
