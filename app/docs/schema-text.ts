// JSON schemas as people read them: a shape with a type behind every name, and an example to begin with.

/** The part of JSON Schema that the document uses. */
export interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  description?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
}

/** The shape as text, indented by `depth` levels. */
export function shapeText(schema: Schema, depth = 0): string {
  if (schema.anyOf) return schema.anyOf.map((one) => shapeText(one, depth)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `${wrapped(shapeText(schema.items ?? {}, depth))}[]`;
  if (schema.properties) return objectText(schema, depth);
  if (schema.type === "object") {
    const values = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
    return `{ [name]: ${shapeText(values, depth)} }`;
  }
  return [schema.type].flat().filter(Boolean).join(" | ") || "anything";
}

function wrapped(text: string): string {
  return text.includes(" | ") && !text.startsWith("{") ? `(${text})` : text;
}

function objectText({ properties = {}, required = [] }: Schema, depth: number): string {
  const indent = "  ".repeat(depth + 1);
  const lines = Object.entries(properties).map(([name, schema]) => {
    const note = limitsText(schema);
    const optional = required.includes(name) ? "" : "?";
    return `${indent}${name}${optional}: ${shapeText(schema, depth + 1)}${note && `  // ${note}`}`;
  });
  return lines.length === 0 ? "{}" : `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
}

/** What a value must keep to, in a few words; empty when there is nothing to say. */
export function limitsText(schema: Schema): string {
  const { minimum, maximum, exclusiveMinimum, maxLength, description } = schema;
  const least = minimum ?? (exclusiveMinimum === undefined ? undefined : `over ${exclusiveMinimum}`);
  const range = [least === undefined ? "" : `from ${least}`, maximum === undefined ? "" : `to ${maximum}`];
  const simple = schema.default !== undefined && typeof schema.default !== "object";
  return [
    description ?? "",
    range.filter(Boolean).join(" "),
    maxLength === undefined ? "" : `at most ${maxLength} characters`,
    simple && schema.default !== "" ? `default ${JSON.stringify(schema.default)}` : "",
  ]
    .filter(Boolean)
    .join(", ")
    .replace("from over", "over");
}

/** A value with only what must be there. */
export function exampleOf(schema: Schema): unknown {
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf?.[0]) return exampleOf(schema.anyOf[0]);
  if (schema.type === "array") return [];
  if (schema.properties) {
    const { properties, required = [] } = schema;
    return Object.fromEntries(required.map((name) => [name, exampleOf(properties[name] ?? {})]));
  }
  if (schema.type === "object") return {};
  if (schema.type === "string") return "text";
  if (schema.type === "integer" || schema.type === "number") return schema.minimum ?? 1;
  return null;
}
