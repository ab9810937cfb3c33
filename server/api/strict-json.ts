// JSON as it must come in: JSON.parse, but refusing what programs understand differently from each other
// (duplicate keys), what reaches into objects (__proto__) and what only hurts (depth).
import { AppError } from "../domain/errors";

const MAX_DEPTH = 64;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

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
  walk(text, (code) => {
    if (code === OPEN_OBJECT || code === OPEN_LIST) depth++;
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth--;
    if (depth > MAX_DEPTH) {
      throw new AppError("bad_request", `The JSON is nested deeper than ${MAX_DEPTH} levels.`);
    }
  });
}

/** After parsing, so that the text is known to be valid JSON. */
function checkKeys(text: string): void {
  const open: (Set<string> | null)[] = [];
  let last: [from: number, to: number] | null = null;
  walk(text, (code, from, to) => {
    if (code === OPEN_OBJECT) open.push(new Set());
    else if (code === OPEN_LIST) open.push(null);
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) open.pop();
    else if (code === COLON && last !== null) addKey(open.at(-1) ?? null, keyAt(text, ...last));
    last = code === QUOTE ? [from, to] : null;
  });
}

/** @param from position of its first quote. @param to position behind its last one */
function keyAt(text: string, from: number, to: number): string {
  const bare = text.slice(from + 1, to - 1);
  return bare.includes("\\") ? (JSON.parse(text.slice(from, to)) as string) : bare;
}

function addKey(keys: Set<string> | null, key: string): void {
  if (key === "__proto__")
    throw new AppError("bad_request", 'The JSON has a key "__proto__", which is not accepted.');
  if (keys?.has(key)) {
    throw new AppError("bad_request", `The JSON has the key "${key.slice(0, 80)}" twice in one object.`);
  }
  keys?.add(key);
}

/**
 * Shows brackets, commas and colons outside of strings, and whole strings. Written out by characters: strangers send
 * bodies, and every one is walked through twice.
 */
function walk(text: string, see: (code: number, from: number, to: number) => void): void {
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    const to = code === QUOTE ? endOfString(text, at + 1) : at + 1;
    if (isStructure(code)) see(code, at, to);
    at = to;
  }
}

function isStructure(code: number): boolean {
  if (code < OPEN_LIST) return code === QUOTE || code === COMMA || code === COLON;
  return code === OPEN_LIST || code === CLOSE_LIST || code === OPEN_OBJECT || code === CLOSE_OBJECT;
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
