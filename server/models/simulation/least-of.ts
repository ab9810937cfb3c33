// The least that a tool's schema takes, for whoever has to answer without knowing what is meant. Pure.

/** Chooses among several possible values, none of which is undefined. */
type Choose = (options: readonly unknown[]) => unknown;
const theFirst: Choose = (options) => options[0];

/**
 * @param schema JSON Schema of a tool's input, or of a part of it
 * @param choose what to take where there is a choice; else the first
 */
export function leastOf(schema: unknown, choose: Choose = theFirst): unknown {
  if (typeof schema !== "object" || schema === null) return {};
  const { type, minimum, minItems, minLength, items, properties, required, ...rest } = schema as Schema;
  if (rest.const !== undefined) return rest.const;
  if (rest.default !== undefined) return rest.default;
  if (rest.enum && rest.enum.length > 0) return choose(rest.enum);
  const choices = rest.anyOf ?? rest.oneOf;
  if (choices && choices.length > 0) return choose(choices.map((one) => leastOf(one, choose)));
  switch (Array.isArray(type) ? type[0] : type) {
    case "string":
      return "Nothing to report.".padEnd(minLength ?? 0, ".");
    case "number":
    case "integer":
      return minimum ?? 0;
    case "boolean":
      return true;
    case "array":
      return Array.from({ length: minItems ?? 0 }, () => leastOf(items, choose));
    case "null":
      return null;
    default:
      return Object.fromEntries(
        (required ?? Object.keys(properties ?? {})).map((name) => [
          name,
          leastOf(properties?.[name], choose),
        ]),
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
