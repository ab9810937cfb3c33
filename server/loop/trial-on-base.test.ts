import { describe, expect, it } from "vitest";
import type { TestReport } from "../toolchains/port";
import { isTestFile } from "../toolchains/test-files";
import { provesChange } from "./trial-on-base";

const report = (...passed: string[]): TestReport => ({
  tool: "tests",
  tests: passed.map((id) => ({ id, outcome: "passed" as const, durationMs: 0, message: "" })),
  unreadable: null,
});

describe("what proves a change", () => {
  it("is a test that did not pass without it", () => {
    expect(provesChange([report("a::old", "a::new")], [report("a::old")])).toBe(true);
    expect(provesChange([report("a::old")], [report("a::old")])).toBe(false);
  });

  it("is no test of a file that was taken out together with the program", () => {
    const gone = new Set(["check-all.js"]);
    expect(provesChange([report("a::old", "check-all.js::new")], [report("a::old")], gone)).toBe(false);
  });
});

it.each([
  "test-total.js",
  "lib/test-total.mjs",
  "lib/test_total.py",
  "lib/total_test.py",
  "total.spec.ts",
  "test.js",
])("%s, which a runner takes for a test, is one", (path) => {
  expect(isTestFile(path)).toBe(true);
});
it.each(["latest.js", "testing.py", "contest-rules.js", "src/attest.ts"])("%s is none", (path) => {
  expect(isTestFile(path)).toBe(false);
});
