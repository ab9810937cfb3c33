import { expect, test } from "vitest";
import { exampleOf, limitsText, type Schema, shapeText } from "./schema-text";

const job: Schema = {
  type: "object",
  required: ["title", "priority"],
  properties: {
    title: { type: "string", maxLength: 200 },
    priority: { anyOf: [{ enum: ["high", "low"] }, { type: "integer", minimum: 1, maximum: 5 }] },
    files: { type: "array", items: { type: "object", properties: { path: { type: "string" } } } },
    names: { type: "object", additionalProperties: { type: "number" } },
    limit: { type: "integer", minimum: 1, maximum: 200, default: 50 },
    tags: { type: "array", items: { type: ["string", "null"] } },
  },
};

test("a shape is written with limits and optional names", () => {
  expect(shapeText(job)).toBe(`{
  title: string  // at most 200 characters
  priority: "high" | "low" | integer
  files?: {
    path?: string
  }[]
  names?: { [name]: number }
  limit?: integer  // from 1 to 200, default 50
  tags?: (string | null)[]
}`);
  expect(shapeText({})).toBe("anything");
  expect(limitsText({ exclusiveMinimum: 0, maximum: 9 })).toBe("over 0 to 9");
});

test("an example holds what must be there", () => {
  expect(exampleOf(job)).toEqual({ title: "text", priority: "high" });
  expect(exampleOf({ type: "array" })).toEqual([]);
});
