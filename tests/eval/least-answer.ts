// The least that a tool's schema takes; where there is a choice, the one that lets the work go on.
import { leastOf as leastOfAny } from "@/server/models/simulation/least-of";

const AGREEING = /^(?:approved?|accept(?:ed)?|pass(?:ed)?|ok|green|done|none|merge)$/i;

/** @param schema JSON Schema of a tool's input, or of a part of it */
export function leastOf(schema: unknown): unknown {
  return leastOfAny(schema, (options) => options.find(agrees) ?? options[0]);
}

const agrees = (value: unknown): boolean => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "").replace(/\W/g, "");
  return AGREEING.test(text);
};
