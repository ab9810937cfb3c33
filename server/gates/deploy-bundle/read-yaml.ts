// Reads the plain part of YAML that a compose file needs: block mappings and sequences, scalars on one line, lists of
// scalars in brackets. Invariant: a text that other readers might understand in another way (anchors, tags, merge keys, keys
// given twice, tabs, strange line breaks) is refused, so that what was checked is what is run. Pure.

export type Scalar = string | number | boolean | null;
export type YamlMap = ReadonlyMap<string, YamlNode>;

/** A value and the line that it begins at, from 1. */
export interface YamlNode {
  line: number;
  value: Scalar | readonly YamlNode[] | YamlMap;
}

export class YamlProblem extends Error {
  constructor(
    readonly line: number,
    message: string,
  ) {
    super(message);
    this.name = "YamlProblem";
  }
}

interface Line {
  n: number;
  indent: number;
  text: string;
}

const MAX_DEPTH = 32;
/** What some readers of YAML take for the end of a line and others do not, and what cannot be seen. */
const STRANGE = /[\u0085\u00a0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|(?![\n])\p{Cc}/u;
const NUMBER = /^[-+]?(?:\d+|\d*\.\d+|\d+\.\d*)(?:e[-+]?\d+)?$/i;
/** Numbers, dates and truths as keys are texts to some readers only. */
const PLAIN_KEY = /^(?!(?:true|false|null|yes|no|on|off|y|n) *:)([A-Za-z_$/][^:#'"[\]{},\\]*?) *:(?=\s|$)/i;

/** @throws YamlProblem with a sentence for whoever wrote it */
export function readYaml(text: string): YamlNode {
  const reader = new Reader(linesOf(text));
  return reader.document();
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  text.split("\n").forEach((raw, index) => {
    const n = index + 1;
    if (STRANGE.test(raw))
      throw new YamlProblem(
        n,
        "only spaces and visible characters are read; this line has a tab or another one",
      );
    const line = raw.trimEnd();
    const indent = line.length - line.trimStart().length;
    const content = line.slice(indent);
    if (content === "" || content.startsWith("#")) return;
    if (content === "---" && indent === 0 && lines.length === 0) return;
    if (indent === 0 && /^(?:---|\.\.\.|%)/.test(content))
      throw new YamlProblem(n, "one document without directives is read");
    lines.push({ n, indent, text: content });
  });
  return lines;
}

class Reader {
  private at = 0;

  constructor(private readonly lines: Line[]) {}

  document(): YamlNode {
    const first = this.lines[0];
    if (!first) return { line: 1, value: null };
    if (first.indent !== 0) throw new YamlProblem(first.n, "the first line begins at its very beginning");
    const node = this.block(0, 0);
    const left = this.lines[this.at];
    if (left) throw new YamlProblem(left.n, "this line is not indented like the ones before it");
    return node;
  }

  private block(indent: number, depth: number): YamlNode {
    const line = this.lines[this.at] as Line;
    if (depth > MAX_DEPTH) throw new YamlProblem(line.n, "it is nested too deep");
    return isItem(line) ? this.sequence(indent, depth) : this.mapping(indent, depth);
  }

  private mapping(indent: number, depth: number): YamlNode {
    const begin = this.lines[this.at] as Line;
    const entries = new Map<string, YamlNode>();
    for (;;) {
      const line = this.lines[this.at];
      if (!line || line.indent < indent || (line.indent === indent && isItem(line))) break;
      if (line.indent > indent)
        throw new YamlProblem(line.n, "this line is indented deeper than the one that it belongs to");
      const found = keyOf(line);
      if (!found)
        throw new YamlProblem(line.n, "expected `key: value`; values over several lines are not read");
      const { key, rest } = found;
      if (key === "<<") throw new YamlProblem(line.n, "merge keys are not read; write the values out");
      if (entries.has(key)) throw new YamlProblem(line.n, `${key} is given twice`);
      entries.set(key, this.valueOf(line, rest, indent, depth));
    }
    return { line: begin.n, value: entries };
  }

  private sequence(indent: number, depth: number): YamlNode {
    const begin = this.lines[this.at] as Line;
    const items: YamlNode[] = [];
    for (;;) {
      const line = this.lines[this.at];
      if (!line || line.indent < indent || (line.indent === indent && !isItem(line))) break;
      if (line.indent > indent)
        throw new YamlProblem(line.n, "this line is indented deeper than the one that it belongs to");
      const rest = line.text.slice(1).trimStart();
      const inner = { n: line.n, indent: indent + line.text.length - rest.length, text: rest };
      // Readers differ about what is below an empty dash.
      if (rest === "" || rest.startsWith("#") || isItem(inner))
        throw new YamlProblem(line.n, "an item stands on the line of its dash, and is no list itself");
      if (keyOf(inner)) {
        // The first entry of a mapping stands on the line of its dash.
        this.lines[this.at] = inner;
        items.push(this.mapping(inner.indent, depth + 1));
      } else {
        items.push({ line: line.n, value: inline(rest, line.n) });
        this.at++;
      }
    }
    return { line: begin.n, value: items };
  }

  /** What stands behind a key, or in the lines below it. */
  private valueOf(line: Line, rest: string, indent: number, depth: number): YamlNode {
    this.at++;
    if (rest !== "" && !rest.startsWith("#")) return { line: line.n, value: inline(rest, line.n) };
    const next = this.lines[this.at];
    if (!next) return { line: line.n, value: null };
    if (next.indent > indent) return this.block(next.indent, depth + 1);
    // A list may stand below its key without being indented.
    if (next.indent === indent && isItem(next)) return this.block(indent, depth + 1);
    return { line: line.n, value: null };
  }
}

const isItem = ({ text }: Pick<Line, "text">) => text === "-" || text.startsWith("- ");

function keyOf({ text, n }: Line): { key: string; rest: string } | null {
  if (/^["']/.test(text)) {
    const { value, rest } = quoted(text, n);
    const colon = /^ *:(?=\s|$)/.exec(rest);
    return colon ? { key: value, rest: rest.slice(colon[0].length).trimStart() } : null;
  }
  if (/^<< *:/.test(text)) return { key: "<<", rest: "" };
  if (/^\?(?: |$)/.test(text)) throw new YamlProblem(n, "keys over several lines are not read");
  const found = PLAIN_KEY.exec(text);
  return found ? { key: found[1] as string, rest: text.slice(found[0].length).trimStart() } : null;
}

/** A value that is written on one line. */
function inline(text: string, n: number): YamlNode["value"] {
  if (/^["']/.test(text)) {
    const { value, rest } = quoted(text, n);
    nothingBehind(rest, n);
    return value;
  }
  if (text.startsWith("[")) return list(text, n);
  const empty = /^\{ *\}/.exec(text);
  if (empty) {
    nothingBehind(text.slice(empty[0].length), n);
    return new Map();
  }
  const comment = text.search(/ #/);
  return plain((comment < 0 ? text : text.slice(0, comment)).trimEnd(), n);
}

function nothingBehind(rest: string, n: number): void {
  if (!/^(?: *| +#.*)$/.test(rest)) throw new YamlProblem(n, "there is more behind the end of the value");
}

function plain(text: string, n: number): Scalar {
  if (/^[&*!|>%@`{}\],"'#]|^[-?:](?: |$)/.test(text))
    throw new YamlProblem(
      n,
      "anchors, tags, block scalars and mappings in braces are not read; quote a text",
    );
  if (/: |:$/.test(text)) throw new YamlProblem(n, "a text with a colon needs quotes");
  if (/^(?:~|null|Null|NULL)?$/.test(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  return NUMBER.test(text) ? Number(text) : text;
}

/** Scalars in brackets. */
function list(text: string, n: number): YamlNode[] {
  const items: YamlNode[] = [];
  let rest = text.slice(1).trimStart();
  while (!rest.startsWith("]")) {
    let value: Scalar;
    if (/^["']/.test(rest)) {
      const read = quoted(rest, n);
      value = read.value;
      rest = read.rest.trimStart();
    } else {
      const end = rest.search(/[,\]]/);
      if (end < 0) throw new YamlProblem(n, "a list in brackets ends on its line");
      const word = rest.slice(0, end).trimEnd();
      if (word === "" || /[[{}#]/.test(word))
        throw new YamlProblem(n, "a list in brackets holds single values");
      value = plain(word, n);
      rest = rest.slice(end);
    }
    items.push({ line: n, value });
    if (rest.startsWith(",")) rest = rest.slice(1).trimStart();
    else if (!rest.startsWith("]")) throw new YamlProblem(n, "a list in brackets ends on its line");
  }
  nothingBehind(rest.slice(1), n);
  return items;
}

const ESCAPES: Record<string, string> = { '"': '"', "\\": "\\", "/": "/", n: "\n", t: "\t" };

function quoted(text: string, n: number): { value: string; rest: string } {
  const quote = text[0];
  let value = "";
  for (let i = 1; i < text.length; i++) {
    const sign = text[i] as string;
    if (quote === '"' && sign === "\\") {
      const meant = ESCAPES[text[++i] ?? ""];
      if (meant === undefined) throw new YamlProblem(n, 'of escapes only \\" \\\\ \\/ \\n \\t are read');
      value += meant;
    } else if (sign !== quote) value += sign;
    else if (quote === "'" && text[i + 1] === "'") value += text[++i];
    else return { value, rest: text.slice(i + 1) };
  }
  throw new YamlProblem(n, "a text in quotes ends on its line");
}
