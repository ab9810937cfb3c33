/**
 * The simple expressions of triggers, waits and cancel rules: comparisons of paths and constants joined by
 * &&, || and !. `event` is known when a wait is registered, so it is filled in then; what is stored asks only
 * about `async`. A missing path equals null and nothing else. Anything outside this language is refused.
 */
import { canonicalize, type Json } from "./canonical-json";

/** An expression that is not supported or not well formed. */
export class ExpressionError extends Error {}

type Comparator = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** A parsed expression. */
export type Expression =
  | { op: "and" | "or"; left: Expression; right: Expression }
  | { op: "not"; of: Expression }
  | { op: "compare"; comparator: Comparator; left: Operand; right: Operand };

type Operand = { value: Json } | { root: "event" | "async"; path: (string | number)[] };

/** What the roots stand for. A root that is absent stays in the expression when it is filled in. */
export interface Scope {
  event?: Json;
  async?: Json;
}

const TOKEN =
  /\s*(?:(&&|\|\||==|!=|<=|>=|[!<>()[\].])|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*))/y;

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

/** Parses an expression. Throws ExpressionError naming what is not supported. */
export function parseExpression(source: string): Expression {
  const tokens = tokenize(source);
  let at = 0;
  const peek = () => tokens[at]!;
  const accept = (symbol: string) => {
    if (peek().kind !== "symbol" || peek().text !== symbol) return false;
    at++;
    return true;
  };
  const refuse = (): never => {
    throw new ExpressionError(`"${peek().text}" is not supported here in the expression "${source}".`);
  };

  const parseOr = (): Expression => {
    let left = parseAnd();
    while (accept("||")) left = { op: "or", left, right: parseAnd() };
    return left;
  };
  const parseAnd = (): Expression => {
    let left = parseUnary();
    while (accept("&&")) left = { op: "and", left, right: parseUnary() };
    return left;
  };
  const parseUnary = (): Expression => {
    if (accept("!")) return { op: "not", of: parseUnary() };
    if (accept("(")) {
      const inner = parseOr();
      return accept(")") ? inner : refuse();
    }
    const left = parseOperand();
    const comparator = peek().text as Comparator;
    if (peek().kind !== "symbol" || !["==", "!=", "<", "<=", ">", ">="].includes(comparator)) {
      // A bare path is a boolean.
      return { op: "compare", comparator: "==", left, right: { value: true } };
    }
    at++;
    return { op: "compare", comparator, left, right: parseOperand() };
  };
  const parseOperand = (): Operand => {
    const token = peek();
    if (token.kind === "text") {
      at++;
      return { value: readText(token.text) };
    }
    if (token.kind === "number") {
      at++;
      return { value: Number(token.text) };
    }
    if (token.kind !== "name") return refuse();
    const constants: Record<string, Json> = { true: true, false: false, null: null };
    if (Object.hasOwn(constants, token.text)) {
      at++;
      return { value: constants[token.text]! };
    }
    if (token.text !== "event" && token.text !== "async") return refuse();
    at++;
    return { root: token.text, path: parsePath() };
  };
  const parsePath = (): (string | number)[] => {
    const path: (string | number)[] = [];
    for (;;) {
      if (accept(".")) {
        if (peek().kind !== "name") return refuse();
        path.push(tokens[at++]!.text);
      } else if (accept("[")) {
        const token = tokens[at++]!;
        if (token.kind === "text") path.push(readText(token.text));
        else if (token.kind === "number") path.push(Number(token.text));
        else at--;
        if (!accept("]")) return refuse();
      } else return path;
    }
  };

  const parsed = parseOr();
  return peek().kind === "end" ? parsed : refuse();
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r" };

function readText(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}

function lookUp(root: Json | undefined, path: (string | number)[]): Json | undefined {
  let value: Json | undefined = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, Json>)[key];
  }
  return value;
}

/** Replaces the paths whose root is in the scope by their values. */
export function fillIn(expression: Expression, scope: Scope): Expression {
  if (expression.op === "compare") {
    const fill = (operand: Operand): Operand =>
      "root" in operand && scope[operand.root] !== undefined
        ? { value: lookUp(scope[operand.root], operand.path) ?? null }
        : operand;
    return { ...expression, left: fill(expression.left), right: fill(expression.right) };
  }
  if (expression.op === "not") return { op: "not", of: fillIn(expression.of, scope) };
  return { ...expression, left: fillIn(expression.left, scope), right: fillIn(expression.right, scope) };
}

/** Whether the expression holds. Paths of absent roots count as missing. */
export function evaluate(expression: Expression, scope: Scope): boolean {
  switch (expression.op) {
    case "and":
      return evaluate(expression.left, scope) && evaluate(expression.right, scope);
    case "or":
      return evaluate(expression.left, scope) || evaluate(expression.right, scope);
    case "not":
      return !evaluate(expression.of, scope);
    case "compare": {
      const value = (operand: Operand): Json =>
        "root" in operand ? (lookUp(scope[operand.root], operand.path) ?? null) : operand.value;
      return compare(expression.comparator, value(expression.left), value(expression.right));
    }
  }
}

function compare(comparator: Comparator, left: Json, right: Json): boolean {
  if (comparator === "==") return canonicalize(left) === canonicalize(right);
  if (comparator === "!=") return canonicalize(left) !== canonicalize(right);
  const comparable =
    (typeof left === "number" && typeof right === "number") ||
    (typeof left === "string" && typeof right === "string");
  if (!comparable) return false;
  if (comparator === "<") return left < right;
  if (comparator === "<=") return left <= right;
  if (comparator === ">") return left > right;
  return left >= right;
}

/** An equality every matching event must fulfil, as (path, value); lets waits be found without a scan. */
export interface IndexKey {
  path: (string | number)[];
  value: Json;
}

/** Finds such an equality in a filled-in expression. */
export function findIndexKey(expression: Expression): IndexKey | undefined {
  if (expression.op === "and") return findIndexKey(expression.left) ?? findIndexKey(expression.right);
  if (expression.op !== "compare" || expression.comparator !== "==") return undefined;
  const { left, right } = expression;
  if ("root" in left && left.root === "async" && "value" in right)
    return { path: left.path, value: right.value };
  if ("root" in right && right.root === "async" && "value" in left)
    return { path: right.path, value: left.value };
  return undefined;
}

/** The value at an index key's path; a missing one is null, as in comparisons. */
export function readIndexValue(event: Json, path: (string | number)[]): Json {
  return lookUp(event, path) ?? null;
}
