/**
 * Reads the language of triggers, waits, cancel rules, keys and priorities into a tree. Conditions compare paths and
 * constants and are joined by &&, || and !; values are sums and choices of them. Anything else is refused by name.
 */
import type { Json } from "./canonical-json";

/** An expression that is not supported or not well formed. */
export class ExpressionError extends Error {}

/** How two operands are compared. */
export type Comparator = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** A parsed condition. */
export type Expression =
  | { op: "and" | "or"; left: Expression; right: Expression }
  | { op: "not"; of: Expression }
  | { op: "compare"; comparator: Comparator; left: Operand; right: Operand };

/** A constant, or a path into an event. */
export type Operand = { value: Json } | { root: "event" | "async"; path: (string | number)[] };

/** A parsed value: an operand, a sum or a choice. */
export type ValueExpression =
  | Operand
  | { op: "add"; left: ValueExpression; right: ValueExpression }
  | { op: "choose"; when: Expression; yes: ValueExpression; no: ValueExpression };

const TOKEN =
  /\s*(?:(&&|\|\||==|!=|<=|>=|[!<>()[\].?:+])|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*))/y;
const COMPARATORS: readonly string[] = ["==", "!=", "<", "<=", ">", ">="];
const CONSTANTS: Record<string, Json> = { true: true, false: false, null: null };

interface Token {
  kind: "symbol" | "text" | "number" | "name" | "end";
  text: string;
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  const end = source.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) throw new ExpressionError(`The expression cannot be read at "${source.slice(at, at + 20)}".`);
    const kinds = ["symbol", "text", "number", "name"] as const;
    const index = [1, 2, 3, 4].find((group) => match[group] !== undefined)!;
    tokens.push({ kind: kinds[index - 1]!, text: match[index]! });
  }
  return [...tokens, { kind: "end", text: "the end" }];
}

/** Parses a condition. Throws ExpressionError naming what is not supported. */
export function parseExpression(source: string): Expression {
  const parser = new Parser(source);
  return parser.whole(() => parser.or());
}

/** Parses a key or a priority, which know one event only. Throws ExpressionError naming what is not supported. */
export function parseValue(source: string): ValueExpression {
  const parser = new Parser(source, ["event"]);
  return parser.whole(() => parser.value());
}

class Parser {
  private readonly tokens: Token[];
  private at = 0;
  /** Where the reading that came furthest stopped: what is wrong is there, not where another way gave up. */
  private furthest = 0;

  constructor(
    private readonly source: string,
    private readonly roots: readonly string[] = ["event", "async"],
  ) {
    this.tokens = tokenize(source);
  }

  whole<T>(read: () => T): T {
    const parsed = read();
    return this.token.kind === "end" ? parsed : this.refuse();
  }

  or(): Expression {
    let left = this.and();
    while (this.accept("||")) left = { op: "or", left, right: this.and() };
    return left;
  }

  /** A choice begins as a condition does, so it is tried first. */
  value(): ValueExpression {
    const start = this.at;
    const when = this.attempt(() => this.or());
    if (when && this.accept("?")) {
      const yes = this.value();
      if (!this.accept(":")) this.refuse();
      return { op: "choose", when, yes, no: this.value() };
    }
    this.at = start;
    let left = this.term();
    while (this.accept("+")) left = { op: "add", left, right: this.term() };
    return left;
  }

  private get token(): Token {
    return this.tokens[this.at]!;
  }

  private accept(symbol: string): boolean {
    if (this.token.kind !== "symbol" || this.token.text !== symbol) return false;
    this.at++;
    return true;
  }

  private refuse(): never {
    this.furthest = Math.max(this.furthest, this.at);
    const text = this.tokens[this.furthest]!.text;
    throw new ExpressionError(`"${text}" is not supported here in the expression "${this.source}".`);
  }

  private attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      return undefined;
    }
  }

  private and(): Expression {
    let left = this.unary();
    while (this.accept("&&")) left = { op: "and", left, right: this.unary() };
    return left;
  }

  private unary(): Expression {
    if (this.accept("!")) return { op: "not", of: this.unary() };
    if (this.accept("(")) {
      const inner = this.or();
      return this.accept(")") ? inner : this.refuse();
    }
    const left = this.operand();
    if (this.token.kind !== "symbol" || !COMPARATORS.includes(this.token.text)) {
      // A bare path is a boolean.
      return { op: "compare", comparator: "==", left, right: { value: true } };
    }
    const comparator = this.tokens[this.at++]!.text as Comparator;
    return { op: "compare", comparator, left, right: this.operand() };
  }

  private term(): ValueExpression {
    if (!this.accept("(")) return this.operand();
    const inner = this.value();
    return this.accept(")") ? inner : this.refuse();
  }

  private operand(): Operand {
    const { kind, text } = this.token;
    if (kind === "text" || kind === "number") {
      this.at++;
      return { value: kind === "text" ? readText(text) : Number(text) };
    }
    if (kind !== "name") return this.refuse();
    if (Object.hasOwn(CONSTANTS, text)) {
      this.at++;
      return { value: CONSTANTS[text]! };
    }
    if (!this.roots.includes(text)) return this.refuse();
    this.at++;
    return { root: text as "event" | "async", path: this.path() };
  }

  private path(): (string | number)[] {
    const path: (string | number)[] = [];
    for (;;) {
      if (this.accept(".")) {
        if (this.token.kind !== "name") return this.refuse();
        path.push(this.tokens[this.at++]!.text);
      } else if (this.accept("[")) {
        const { kind, text } = this.token;
        if (kind !== "text" && kind !== "number") return this.refuse();
        path.push(kind === "text" ? readText(text) : Number(text));
        this.at++;
        if (!this.accept("]")) return this.refuse();
      } else return path;
    }
  }
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r" };

function readText(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}
