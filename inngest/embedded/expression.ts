/**
 * Evaluates the expressions of triggers, waits, cancel rules, keys and priorities. `event` is known when a wait is
 * registered, so it is filled in then; what is stored asks only about `async`. A missing path equals null and
 * nothing else.
 */
import { canonicalize, type Json } from "./canonical-json";
import type { Comparator, Expression, Operand, ValueExpression } from "./parse-expression";

/** What the roots stand for. A root that is absent stays in the expression when it is filled in. */
export interface Scope {
  event?: Json;
  async?: Json;
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
    case "compare":
      return compare(
        expression.comparator,
        readOperand(expression.left, scope),
        readOperand(expression.right, scope),
      );
  }
}

function readOperand(operand: Operand, scope: Scope): Json {
  return "root" in operand ? (lookUp(scope[operand.root], operand.path) ?? null) : operand.value;
}

/** What a value expression comes to. A sum is of numbers; anything else is joined as text. */
export function evaluateValue(expression: ValueExpression, scope: Scope): Json {
  if (!("op" in expression)) return readOperand(expression, scope);
  if (expression.op === "choose") {
    return evaluateValue(evaluate(expression.when, scope) ? expression.yes : expression.no, scope);
  }
  const left = evaluateValue(expression.left, scope);
  const right = evaluateValue(expression.right, scope);
  if (typeof left === "number" && typeof right === "number") return left + right;
  const asText = (value: Json) => (typeof value === "string" ? value : canonicalize(value));
  return asText(left) + asText(right);
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
