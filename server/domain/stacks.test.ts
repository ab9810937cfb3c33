import { describe, expect, test } from "vitest";
import { parseStack, STACK_NAMES, toolchainsOf } from "./stacks";

describe("technology names", () => {
  test.each([
    ["python", ["python"], ["python"]],
    ["Python, FastAPI,React", ["python", "fastapi", "react"], ["python", "node"]],
    ["node.js, TS", ["node", "typescript"], ["node"]],
    [" py ,, python3, python", ["python"], ["python"]],
    ["", [], []],
  ])("%j", (list, names, toolchains) => {
    const read = parseStack(list);
    expect(read).toEqual({ names, unknown: [] });
    expect(toolchainsOf(read.names)).toEqual(toolchains);
  });

  test.each(["cobol", "constructor", "__proto__", "toString", "hasOwnProperty", "pythön", "node js"])(
    "%s is unknown, and told as it was written",
    (name) => {
      expect(parseStack(`node, ${name}`)).toEqual({ names: ["node"], unknown: [name] });
      expect(toolchainsOf([name])).toEqual([]);
    },
  );

  test("all have a toolchain", () => {
    for (const name of STACK_NAMES) expect(toolchainsOf([name])).toHaveLength(1);
  });
});
