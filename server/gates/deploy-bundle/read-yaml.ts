// Reads the plain part of YAML that a compose file needs. Invariant: what readers might understand in different ways
// (anchors, tags, merge keys, keys given twice, values over several lines, numbers of older versions, strange line breaks)
// is refused and not resolved, so that what was checked is what is run. Pure.
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, Scalar } from "yaml";

export type PlainScalar = string | number | boolean | null;
export type YamlMap = ReadonlyMap<string, YamlNode>;

/** A value and the line that it begins at, from 1. */
export interface YamlNode {
  line: number;
  value: PlainScalar | readonly YamlNode[] | YamlMap;
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

const MAX_DEPTH = 32;
/** What some readers take for the end of a line and others do not, and what cannot be seen. */
const STRANGE = /\p{Cc}|\p{Cf}|(?! )\p{Z}/u;
const DECIMAL = /^[-+]?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[-+]?\d+)?$/i;
/** A number for some: octal, hexadecimal, parted, by sixties, or infinite. */
const NUMBER_OF_SOME = /^[-+]?(?:[\d.][\d_.]*(?::[0-5]?\d)*(?:e[-+]?\d+)?|0[box][\da-f_]+|\.inf|\.nan)$/i;
/** A truth for some, which as a key would be another key for them. */
const TRUTH_OF_SOME = /^(?:y|yes|n|no|on|off|true|false|null|~)$/i;

/** @throws YamlProblem with a sentence for whoever wrote it */
export function readYaml(text: string): YamlNode {
  text.split("\n").forEach((line, index) => {
    if (STRANGE.test(line))
      throw new YamlProblem(
        index + 1,
        "only spaces and visible characters are read; this line has a tab or another one",
      );
    if (line.startsWith("%"))
      throw new YamlProblem(index + 1, "directives are not read: they change what the rest means");
    if (/^(?:---|\.\.\.)./.test(line))
      throw new YamlProblem(index + 1, "the sign of a document stands on a line of its own");
    if (/^ *(?:- +)*\?(?: |$)/.test(line))
      throw new YamlProblem(index + 1, "keys behind a question mark are not read");
  });
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true, prettyErrors: false });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault)
    throw new YamlProblem(lines.linePos(fault.pos[0]).line, `it is not plain YAML: ${fault.message}`);
  if (document.contents === null) return { line: 1, value: null };
  return new Reading(text, lines).node(document.contents, 0);
}

class Reading {
  constructor(
    private readonly text: string,
    private readonly lines: LineCounter,
  ) {}

  node(node: Node, depth: number): YamlNode {
    const [from = 0, end = from] = node.range ?? [];
    const line = this.lines.linePos(from).line;
    const refuse = (why: string): never => {
      throw new YamlProblem(line, why);
    };
    if (depth > MAX_DEPTH) refuse("it is nested too deep");
    if ("anchor" in node && node.anchor) refuse("anchors are not read; write the value out");
    if (node.tag) refuse("tags are not read; quote a text");
    if (isScalar(node)) {
      if (this.lines.linePos(Math.max(from, end - 1)).line !== line || isBlock(node))
        refuse("values over several lines are not read");
      return { line, value: this.scalar(node, refuse) };
    }
    if (isSeq<Node>(node)) {
      if (node.flow) this.flow(node.items, from, end, refuse);
      // Readers differ about what is below an empty dash.
      if (node.items.some((item) => isSeq(item) || (isScalar(item) && item.source === "" && isPlain(item))))
        refuse("an item is neither empty nor a list itself");
      return { line, value: node.items.map((item) => this.node(item, depth + 1)) };
    }
    if (!isMap<Node, Node | null>(node)) return refuse("aliases are not read; write the value out");
    if (node.flow && node.items.length > 0) refuse("mappings in braces are not read");
    const entries = new Map<string, YamlNode>();
    for (const { key, value } of node.items) {
      const name = this.node(key, depth + 1);
      if (typeof name.value !== "string" || (isPlain(key) && !isNameForAll(name.value)))
        throw new YamlProblem(name.line, "a key that may be a number or a truth needs quotes");
      if (name.value === "<<")
        throw new YamlProblem(name.line, "merge keys are not read; write the values out");
      entries.set(name.value, value ? this.node(value, depth + 1) : { line: name.line, value: null });
    }
    return { line, value: entries };
  }

  private scalar(node: Scalar, refuse: (why: string) => never): PlainScalar {
    const { value } = node;
    if (isPlain(node) && NUMBER_OF_SOME.test(node.source ?? "") && !DECIMAL.test(node.source ?? ""))
      refuse("this may be a number in more than one way; quote a text");
    // Also that it ends where it seems to: the library takes an escaped quote at the end of a line for the last one.
    if (node.type === Scalar.QUOTE_DOUBLE && !/^"(?:[^"\\]|\\["\\/nt])*"$/.test(this.sourceOf(node)))
      refuse('a text in quotes ends on its line; of escapes only \\" \\\\ \\/ \\n \\t are read');
    return typeof value === "bigint" ? Number(value) : (value as PlainScalar);
  }

  private sourceOf({ range }: Scalar): string {
    return this.text.slice(range?.[0], range?.[1]);
  }

  private flow(items: readonly Node[], from: number, end: number, refuse: (why: string) => never): void {
    if (this.lines.linePos(from).line !== this.lines.linePos(end - 1).line)
      refuse("a list in brackets ends on its line");
    if (!items.every((item) => isScalar(item) && item.value !== null))
      refuse("a list in brackets holds single values");
  }
}

const isPlain = (node: Node): boolean => isScalar(node) && node.type === Scalar.PLAIN;
const isBlock = ({ type }: Scalar): boolean => type === Scalar.BLOCK_FOLDED || type === Scalar.BLOCK_LITERAL;
/** Whether a plain key is a text to every reader: no number, date or truth. */
const isNameForAll = (text: string): boolean => /^[A-Za-z_/$]/.test(text) && !TRUTH_OF_SOME.test(text);
