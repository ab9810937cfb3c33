// Statements of which one value changes from call to call: put together once, and then only filled in. Putting one of the
// queue's together costs more than sending it.
import type { Prisma } from "./generated/prisma/client";

/** What the driver is given. */
export interface Statement {
  text: string;
  values: readonly unknown[];
}

/** Stands for the value while the statement is put together. */
const GIVEN: unknown = Object.freeze({});

/** @param build makes the statement with a stand-in for the value, which may occur more than once */
export function template(build: (given: unknown) => Prisma.Sql): (value: unknown) => Statement {
  const { text, values } = build(GIVEN);
  return (value) => ({ text, values: values.map((one) => (one === GIVEN ? value : one)) });
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
