import { afterEach, beforeAll, expect, it } from "vitest";
import { makeWorkspace, type TestWorkspace, toolchainDir } from "@/tests/support/toolchain";
import { TOOLCHAINS } from "./registry";
import { compareTestIds } from "./test-ids";

// The first run on a machine installs the packages.
beforeAll(() => toolchainDir(), 300_000);

let workspace: TestWorkspace | null = null;
afterEach(() => workspace?.remove());

it("serves both languages in one workspace, side by side", async () => {
  const place = makeWorkspace({
    "app/__init__.py": "",
    "app/core.py": "def answer():\n    return 42\n",
    "tests/test_core.py":
      "import unittest\n\nfrom app.core import answer\n\n\nclass CoreTest(unittest.TestCase):\n    def test_answer(self):\n        self.assertEqual(answer(), 42)\n",
    "web/package.json": '{"type":"module"}',
    "web/sum.js": "export const sum = (a, b) => a + b;\n",
    "web/sum.test.js":
      'import assert from "node:assert";\nimport test from "node:test";\nimport { sum } from "./sum.js";\ntest("sums", () => assert.equal(sum(1, 2), 3));\n',
  });
  workspace = place;
  const files = place.files();
  const seen = await Promise.all(
    Object.values(TOOLCHAINS).map(async (toolchain) => {
      const [lint, test, collect] = await Promise.all([
        place.run(toolchain.lint(files)),
        place.run(toolchain.test(files, place.readText)),
        place.run(toolchain.collect(files, place.readText)),
      ]);
      const report = toolchain.parseTests(test);
      const ran = report.tests.map((one) => one.id);
      return {
        applies: toolchain.applies(files),
        lint: toolchain.parseLint(lint),
        unreadable: report.unreadable,
        passed: report.tests.filter((one) => one.outcome === "passed").map((one) => one.id),
        compared: compareTestIds(toolchain.parseCollected(collect).ids, ran),
      };
    }),
  );
  const whole = { missing: [], unexpected: [] };
  expect(seen).toMatchObject([
    {
      lint: { problems: [], unreadable: null },
      unreadable: null,
      passed: ["tests/test_core.py::CoreTest::test_answer"],
      compared: whole,
    },
    {
      lint: { problems: [], unreadable: null },
      unreadable: null,
      passed: ["web/sum.test.js::sums"],
      compared: whole,
    },
  ]);
  expect(seen.every((one) => one.applies)).toBe(true);
});

it.each(Object.values(TOOLCHAINS))("$name asks nothing of an empty workspace", (toolchain) => {
  expect(toolchain.applies([])).toBe(false);
  expect(toolchain.lint([])).toBeNull();
  expect(toolchain.test([], () => null)).toBeNull();
  expect(toolchain.collect([], () => null)).toBeNull();
});
