// What a model hands in, against the schema of what it should: a value of the wrong type is taken where it has one
// meaning only, such as "5" for 5 or a list written as text. Everything else stays as it is and is refused with reasons.
import type { z } from "zod";
import { readJson } from "../models/repair-json";
import { toJsonSchema } from "./tools";

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
}

export type ReadInput<T> = { value: T; input: unknown } | { wrong: string };

/** Most reasons that a model is told at once. */
const REASONS = 5;

/**
 * Reads an input by its schema.
 * @returns the value and the input that it was read from, or in words what is wrong with it
 */
export function readInput<T>(schema: z.ZodType<T>, input: unknown): ReadInput<T> {
  const asGiven = schema.safeParse(input);
  if (asGiven.success) return { value: asGiven.data, input };
  const coerced = coerce(toJsonSchema(schema) as Schema, input, 0);
  const mended = schema.safeParse(coerced);
  if (mended.success) return { value: mended.data, input: coerced };
  const reasons = mended.error.issues.map(({ path, message }) => `${path.join(".") || "input"}: ${message}`);
  const more = reasons.length > REASONS ? `; and ${reasons.length - REASONS} more` : "";
  return { wrong: `${reasons.slice(0, REASONS).join("; ")}${more}` };
}

const DEEPEST = 8;

function coerce(schema: Schema, value: unknown, depth: number): unknown {
  if (depth > DEEPEST) return value;
  if (typeof value === "string") return ofText(schema, value, depth);
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => coerce(items, item, depth + 1)) : value;
  }
  if (typeof value !== "object" || value === null || !schema.properties) return value;
  const required = schema.required ?? [];
  const entries = Object.entries(value).flatMap(([key, item]): [string, unknown][] => {
    const property = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : undefined;
    if (!property) return [[key, item]];
    // Nothing for something that need not be there is as if it had been left out.
    if (item === null && !required.includes(key)) return [];
    return [[key, coerce(property, item, depth + 1)]];
  });
  return Object.fromEntries(entries);
}

function ofText(schema: Schema, text: string, depth: number): unknown {
  const trimmed = text.trim();
  switch (schema.type) {
    case "number":
    case "integer":
      return /^-?\d+(?:\.\d+)?$/.test(trimmed) ? Number(trimmed) : text;
    case "boolean":
      return /^(?:true|false)$/i.test(trimmed) ? trimmed.toLowerCase() === "true" : text;
    case "array": {
      const read = readJson(trimmed);
      if ("value" in read && Array.isArray(read.value)) return coerce(schema, read.value, depth + 1);
      return schema.items?.type === "string" && trimmed !== "" && !/^[[{]/.test(trimmed) ? [text] : text;
    }
    case "object": {
      const read = readJson(trimmed);
      const isObject = "value" in read && typeof read.value === "object" && read.value !== null;
      return isObject ? coerce(schema, read.value, depth + 1) : text;
    }
    default:
      return text;
  }
}
