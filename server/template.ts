// Statements of which one value changes from call to call: put together once, and then only filled in. Putting one of the
// queue's together costs more than sending it.
import pg from "pg";
import type { Prisma } from "./generated/prisma/client";

/** What the driver is given. */
export interface Statement {
  text: string;
  values: readonly unknown[];
}

/** Stands for the value while the statement is put together. */
const GIVEN: unknown = Object.freeze({});

/**
 * Only the given value is a parameter. The others are written into the text, and its layout is left out: the server reads
 * each parameter and copies the whole text every time the statement is carried out.
 * @param build makes the statement with a stand-in for the value, which may occur more than once
 */
export function template(build: (given: unknown) => Prisma.Sql): (value: unknown) => Statement {
  const { strings, values } = build(GIVEN);
  const [first = "", ...rest] = strings.map(withoutLayout);
  let places = 0;
  const text = rest.reduce((before, after, i) => {
    const value = values[i];
    return before + (value === GIVEN ? `$${++places}` : literal(value)) + after;
  }, first);
  return (value) => ({ text, values: Array.from({ length: places }, () => value) });
}

const QUOTED_OR_LAYOUT = /('(?:[^']|'')*'|"[^"]*")|(?:--[^\n]*|\s)+/g;

const withoutLayout = (text: string) => text.replace(QUOTED_OR_LAYOUT, (_, quoted?: string) => quoted ?? " ");

/** A value as it is written into a statement; as with a parameter, the place where it stands decides on its type. */
function literal(value: unknown): string {
  return value === null ? "NULL" : pg.escapeLiteral(Array.isArray(value) ? listOf(value) : textOf(value));
}

const listOf = (values: readonly unknown[]) =>
  `{${values.map((one) => (one === null ? "NULL" : `"${textOf(one).replace(/["\\]/g, "\\$&")}"`)).join()}}`;

function textOf(value: unknown): string {
  if (["string", "number", "bigint", "boolean"].includes(typeof value)) return String(value);
  throw new TypeError(`a statement is to hold ${typeof value}, which is not a plain value`);
}

/** So many templates are kept; what they are for may come from outside. */
const MOST = 256;

/** Templates by what they are for, each made when it is first asked for. */
export function templates(): (
  kind: string,
  build: (given: unknown) => Prisma.Sql,
) => (value: unknown) => Statement {
  const made = new Map<string, (value: unknown) => Statement>();
  return (kind, build) => {
    const known = made.get(kind);
    if (known) return known;
    if (made.size === MOST) made.clear();
    const fresh = template(build);
    made.set(kind, fresh);
    return fresh;
  };
}
