/**
 * Canonical JSON (RFC 8785): one text per value, so that a signature over it holds on both sides.
 * The engine stores and sends only this form; parts can then be joined without parsing them again.
 */

/** JSON values as they travel between SDK and engine. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A value that is nested too deeply to be handled. */
export class JsonDepthError extends Error {}

const MAX_DEPTH = 500;

/**
 * Serialises a JSON value with sorted keys. `undefined` members are left out, as in JSON.stringify.
 * Throws JsonDepthError beyond 500 levels, long before the stack would end.
 */
export function canonicalize(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw new JsonDepthError(`The JSON is nested more than ${MAX_DEPTH} levels deep.`);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalize(item, depth + 1)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const source = value as Record<string, unknown>;
  const parts: string[] = [];
  for (const key of Object.keys(source).sort()) {
    if (source[key] !== undefined)
      parts.push(`${JSON.stringify(key)}:${canonicalize(source[key], depth + 1)}`);
  }
  return `{${parts.join(",")}}`;
}

/** Joins members whose values are canonical already. Keys are sorted here. */
export function canonicalObject(members: Record<string, string | undefined>): string {
  const parts: string[] = [];
  for (const key of Object.keys(members).sort()) {
    if (members[key] !== undefined) parts.push(`${JSON.stringify(key)}:${members[key]}`);
  }
  return `{${parts.join(",")}}`;
}
