// Text and JSON as Postgres can hold them: NUL and lone surrogates are refused by `jsonb`, and a refused row would
// throw away what it was to record. Pure.

/** Deeper than this nothing of ours goes; the database and JSON itself give up some thousand levels further down. */
const MAX_DEPTH = 100;

/** Text that may be stored: NUL shown as a symbol, lone surrogates replaced. */
export function plainText(text: string): string {
  const clean = text.includes("\u0000") ? text.replaceAll("\u0000", "␀") : text;
  return clean.isWellFormed() ? clean : clean.toWellFormed();
}

/**
 * A copy of a JSON value with every text in it, names of fields included, passed through `change`. Works on the value,
 * never on its JSON: there an escape could be cut in two. What lies 100 levels deep is replaced by a text.
 */
export function mapText<T>(value: T, change: (text: string) => string): T {
  return mapUnknown(value, change, 0) as T;
}

function mapUnknown(value: unknown, change: (text: string) => string, depth: number): unknown {
  if (typeof value === "string") return change(value);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (depth >= MAX_DEPTH) return "[nested too deeply]";
  if (Array.isArray(value)) return value.map((item) => mapUnknown(item, change, depth + 1));
  // fromEntries defines its fields, so that one called "__proto__" stays a field.
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [change(name), mapUnknown(item, change, depth + 1)]),
  );
}
