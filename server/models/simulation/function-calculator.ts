// The catalogued calculator: a small parser of arithmetic.
import type { CataloguedFunction } from "./catalogued-function";

export const CALCULATOR: CataloguedFunction = {
  id: "calculate",
  pattern: /calculat|calculadora|rechner|calculatrice|express(ion|ao|oes|iones)|计算/,
  about: "Works out an expression of numbers, + - * / and brackets.",
  params: [{ name: "expression", type: "text" }],
  python: `import re

from PACKAGE.errors import Invalid

TOKEN = re.compile(r"\\s*(\\d+(?:\\.\\d+)?|[-+*/()])")


def calculate(expression):
    tokens = split(expression)
    value = read_sum(tokens)
    if tokens:
        raise Invalid(f"{tokens[0]} is not expected here.")
    return value


def split(expression):
    rest = expression.strip()
    tokens = []
    while rest:
        match = TOKEN.match(rest)
        if not match:
            raise Invalid(f"{rest[0]} cannot be read.")
        tokens.append(match[1])
        rest = rest[match.end() :].strip()
    return tokens


def read_sum(tokens):
    value = read_product(tokens)
    while tokens and tokens[0] in "+-":
        sign = tokens.pop(0)
        other = read_product(tokens)
        value = value + other if sign == "+" else value - other
    return value


def read_product(tokens):
    value = read_number(tokens)
    while tokens and tokens[0] in "*/":
        sign = tokens.pop(0)
        other = read_number(tokens)
        if sign == "/" and other == 0:
            raise Invalid("Nothing can be divided by zero.")
        value = value * other if sign == "*" else value / other
    return value


def read_number(tokens):
    token = tokens.pop(0) if tokens else "end"
    if token == "-":
        return -read_number(tokens)
    if token == "(":
        value = read_sum(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise Invalid("A bracket is not closed.")
        return value
    if not token[0].isdigit():
        raise Invalid(f"{token} is not expected here.")
    return float(token)
`,
  node: `import { AppError } from "ERRORS";

const refuse = (message) => new AppError("invalid", message);

export function calculate(expression) {
  const tokens = split(expression);
  const value = readSum(tokens);
  if (tokens.length > 0) throw refuse(\`\${tokens[0]} is not expected here.\`);
  return value;
}

function split(expression) {
  const tokens = expression.match(/\\d+(?:\\.\\d+)?|\\S/g) ?? [];
  const strange = tokens.find((token) => !/^(\\d.*|[-+*/()])$/.test(token));
  if (strange) throw refuse(\`\${strange} cannot be read.\`);
  return tokens;
}

function readSum(tokens) {
  let value = readProduct(tokens);
  while (tokens[0] === "+" || tokens[0] === "-") {
    const sign = tokens.shift();
    const other = readProduct(tokens);
    value = sign === "+" ? value + other : value - other;
  }
  return value;
}

function readProduct(tokens) {
  let value = readNumber(tokens);
  while (tokens[0] === "*" || tokens[0] === "/") {
    const sign = tokens.shift();
    const other = readNumber(tokens);
    if (sign === "/" && other === 0) throw refuse("Nothing can be divided by zero.");
    value = sign === "*" ? value * other : value / other;
  }
  return value;
}

function readNumber(tokens) {
  const token = tokens.shift() ?? "end";
  if (token === "-") return -readNumber(tokens);
  if (token === "(") {
    const value = readSum(tokens);
    if (tokens.shift() !== ")") throw refuse("A bracket is not closed.");
    return value;
  }
  if (!/^\\d/.test(token)) throw refuse(\`\${token} is not expected here.\`);
  return Number(token);
}
`,
  examples: [
    { args: ["1 + 2 * 3"], result: 7 },
    { args: ["(1 + 2) * 3"], result: 9 },
    { args: ["10 / 4 - 1"], result: 1.5 },
    { args: ["-(2 + 3)"], result: -5 },
    { args: ["1 / 0"] },
    { args: ["2 +"] },
    { args: ["(1"] },
    { args: ["two"] },
  ],
  bug: {
    python: ["value + other if sign", "value - other if sign"],
    node: ["? value + other", "? value - other"],
    why: "a plus sign subtracted",
  },
};
