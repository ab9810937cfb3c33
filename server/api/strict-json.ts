// JSON as it must come in: JSON.parse, but refusing what programs understand differently from each other
// (duplicate keys), what reaches into objects (__proto__) and what only hurts (depth).
import { AppError } from "../domain/errors";

const MAX_DEPTH = 64;
const STRUCTURE = /["{}[\],:]/g;

/** @throws AppError `bad_request` */
export function parseStrictJson(text: string): unknown {
  checkDepth(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AppError("bad_request", "The body is not valid JSON.");
  }
  checkKeys(text);
  return value;
}

/** Before parsing: deep nesting costs stack even where it is valid. */
function checkDepth(text: string): void {
  let depth = 0;
  for (const [token] of structureOf(text)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    if (depth > MAX_DEPTH) {
      throw new AppError("bad_request", `The JSON is nested deeper than ${MAX_DEPTH} levels.`);
    }
  }
}

/** After parsing, so that the text is known to be valid JSON. */
function checkKeys(text: string): void {
  const open: (Set<string> | null)[] = [];
  let last: string | null = null;
  for (const [token, string] of structureOf(text)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":" && last !== null) addKey(open.at(-1) ?? null, JSON.parse(last) as string);
    last = token === '"' ? string : null;
  }
}

function addKey(keys: Set<string> | null, key: string): void {
  if (key === "__proto__")
    throw new AppError("bad_request", 'The JSON has a key "__proto__", which is not accepted.');
  if (keys?.has(key)) {
    throw new AppError("bad_request", `The JSON has the key "${key.slice(0, 80)}" twice in one object.`);
  }
  keys?.add(key);
}

/** Brackets, commas and colons outside strings, and whole strings with their quotes. */
function* structureOf(text: string): Generator<[token: string, string: string]> {
  STRUCTURE.lastIndex = 0;
  for (let at = 0; ; ) {
    STRUCTURE.lastIndex = at;
    const found = STRUCTURE.exec(text);
    if (!found) return;
    const token = found[0];
    at = found.index + 1;
    if (token === '"') at = endOfString(text, at);
    yield [token, token === '"' ? text.slice(found.index, at) : ""];
  }
}

/** Position after the closing quote; the end of the text when there is none. */
function endOfString(text: string, from: number): number {
  for (let at = from; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let slashes = 0;
    while (text[quote - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}
