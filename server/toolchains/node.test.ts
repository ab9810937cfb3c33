import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeWorkspace, type TestWorkspace, toolchainDir } from "@/tests/support/toolchain";
import { nodeToolchain as node } from "./node";
import { compareTestIds } from "./test-ids";

// The first run on a machine installs the packages.
beforeAll(() => toolchainDir(), 300_000);

let workspace: TestWorkspace | null = null;
afterEach(() => workspace?.remove());

function make(content: Record<string, string>): TestWorkspace {
  workspace = makeWorkspace(content);
  return workspace;
}

async function testAll(place: TestWorkspace) {
  const files = place.files();
  const report = node.parseTests(await place.run(node.test(files, place.readText)));
  const listed = node.parseCollected(await place.run(node.collect(files, place.readText)));
  return { report, listed };
}

const outcomesOf = (report: { tests: { id: string; outcome: string }[] }) =>
  report.tests.map((test) => `${test.id} ${test.outcome}`).sort();

it("probes every program of the toolchain folder", async () => {
  const probe = await make({}).run(node.probe());
  expect(probe.exitCode).toBe(0);
  expect(Object.keys(JSON.parse(probe.stdout))).toContain("eslint");
});

describe("eslint", () => {
  it("reports problems by our configuration where the project has none", async () => {
    const place = make({ "a.js": "const unused = 1;\nnowhere();\n", "dist/b.js": "nowhere();\n" });
    const report = node.parseLint(await place.run(node.lint(place.files())));
    expect(report.unreadable).toBeNull();
    expect(report.tool).toMatch(/^eslint \d/);
    expect(report.problems.map(({ file, line, rule }) => `${file}:${line} ${rule}`)).toEqual([
      "a.js:1 no-unused-vars",
      "a.js:2 no-undef",
    ]);
  });

  it("is clean on clean Node, browser, JSX and TypeScript files", async () => {
    const place = make({
      "server.mjs":
        'import http from "node:http";\nhttp.createServer(() => console.log(process.pid)).listen(0);\n',
      "old.cjs": 'module.exports = require("node:fs");\n',
      "web/page.jsx": "export const Page = () => <b>{document.title}</b>;\n",
      "web/app.ts": "export interface A { b: number }\nexport const f = (a: A): number => a.b;\n",
      "tests/a.test.js": 'test("x", () => { expect(1).toBe(1); });\n',
    });
    const report = node.parseLint(await place.run(node.lint(place.files())));
    expect(report).toMatchObject({ problems: [], unreadable: null });
  });

  it("follows the project's own configuration", async () => {
    const place = make({
      "eslint.config.mjs": 'export default [{ rules: { "no-var": "error" } }];\n',
      "a.js": "var unused = 1;\n",
    });
    const report = node.parseLint(await place.run(node.lint(place.files())));
    expect(report.problems.map(({ rule }) => rule)).toEqual(["no-var"]);
  });

  it("lends the toolchain's own packages to a configuration that imports them", async () => {
    const place = make({
      "eslint.config.mjs":
        'import js from "@eslint/js";\nimport globals from "globals";\nexport default [js.configs.recommended, { languageOptions: { globals: globals.node } }];\n',
      "old/eslint.config.cjs": 'module.exports = [require("@eslint/js").configs.recommended];\n',
      "a.js": "nowhere(process);\n",
      "old/b.js": "gone();\n",
    });
    const report = node.parseLint(await place.run(node.lint(place.files())));
    expect(report.problems.map(({ file, rule }) => `${file} ${rule}`)).toContain("a.js no-undef");
    expect(report.problems.map(({ file, rule }) => `${file} ${rule}`)).toContain("old/b.js no-undef");
    expect(report.problems.map(({ rule }) => rule)).not.toContain("fabrica/config");
  });

  it("falls back to ours, and says so, where the project's needs a plugin that is not there", async () => {
    const place = make({
      "eslint.config.mjs": 'import plugin from "eslint-plugin-missing";\nexport default [plugin];\n',
      "a.js": "nowhere();\n",
    });
    const report = node.parseLint(await place.run(node.lint(place.files())));
    expect(report.problems).toMatchObject([
      { file: "a.js", rule: "no-undef", severity: "error" },
      { file: "eslint.config.mjs", rule: "fabrica/config", severity: "warning" },
    ]);
  });

  it("says which files a configuration leaves out, and refuses one that leaves out all", async () => {
    const ignore = (pattern: string) =>
      `export default [{ ignores: ["${pattern}"] }, { rules: { "no-var": "error" } }];\n`;
    const place = make({ "eslint.config.mjs": ignore("gen/*"), "a.js": "var a;\n", "gen/b.js": "var b;\n" });
    const some = node.parseLint(await place.run(node.lint(place.files())));
    expect(some.problems.map(({ file, rule, severity }) => `${file} ${rule} ${severity}`)).toEqual([
      "a.js no-var error",
      "eslint.config.mjs fabrica/config warning",
    ]);
    expect(some.problems[1]?.message).toContain("gen/b.js");
    place.write("eslint.config.mjs", ignore("**/*"));
    const none = node.parseLint(await place.run(node.lint(place.files())));
    expect(none.unreadable).toContain("leaves every file unchecked");
  });

  it("reports a syntax error as a problem", async () => {
    const place = make({ "a.js": "const = 1;\n" });
    const report = node.parseLint(await place.run(node.lint(place.files())));
    expect(report.problems).toMatchObject([{ file: "a.js", rule: "syntax", severity: "error" }]);
  });
});

const NODE_TEST = `import assert from "node:assert";
import test, { describe, it } from "node:test";

test("adds", () => assert.strictEqual(1 + 1, 2));
test("parent", async (t) => {
  await t.test("child", () => assert.strictEqual(1, 2));
});
describe("group", () => {
  it("works", () => {});
  it.skip("waits", () => {});
  it.todo("comes");
  describe(\`deep\`, () => {
    for (const n of [1, 2]) it(\`number \${n} counts\`, () => {});
  });
});
describe.skip("off", () => { it("never", () => {}); });
`;

const GLOBALS = `import { add } from "../add";

jest.mock("../add", () => ({ add: () => 7 }));

describe("add", () => {
  test("mocked", () => expect(add(1, 2)).toBe(7));
  test.each([[1, 1], [2, 3]])("row %i %i", (a, b) => expect(a).toBe(b));
  it.skip("waits", () => {});
  it.todo("comes");
});
`;

describe("jest", () => {
  const files = {
    "package.json": '{"devDependencies":{"jest":"30.0.0","ts-jest":"29.0.0"},"jest":{"preset":"ts-jest"}}',
    "add.js": "export const add = (a, b) => a + b;\n",
    "tests/a.test.js": GLOBALS,
    "tests/b.test.ts": 'test("typed", () => {\n  const n: number = 1;\n  expect(n).toBe(1);\n});\n',
    "tests/c.test.js": 'import "./nowhere";\ntest("x", () => {});\n',
  };

  it("runs with our transforms where the project's are not installed, and says so", async () => {
    const place = make(files);
    const { report, listed } = await testAll(place);
    expect(report.unreadable).toBeNull();
    expect(report.tool).toContain("ts-jest is not installed");
    expect(outcomesOf(report)).toEqual([
      "tests/a.test.js::add::comes skipped",
      "tests/a.test.js::add::mocked passed",
      "tests/a.test.js::add::row 1 1 passed",
      "tests/a.test.js::add::row 2 3 failed",
      "tests/a.test.js::add::waits skipped",
      "tests/b.test.ts::typed passed",
      "tests/c.test.js error",
    ]);
    const ran = report.tests.map((test) => test.id);
    expect(compareTestIds(listed.ids, ran)).toEqual({
      missing: ["tests/c.test.js::x"],
      unexpected: ["tests/c.test.js"],
    });
    expect(place.files()).toEqual(Object.keys(files).sort());
  });

  it("fails its canary under the announced id, in a project of ES modules", async () => {
    const place = make({
      "package.json": '{"type":"module","scripts":{"test":"jest"}}',
      "src/a.test.js": 'import { expect, test } from "@jest/globals";\ntest("x", () => expect(1).toBe(1));\n',
    });
    const canary = node.canary(place.files(), place.readText, "k3v9");
    place.write(canary.path, canary.content);
    const { report, listed } = await testAll(place);
    expect(outcomesOf(report)).toEqual(["src/a.test.js::x passed", `${canary.id} failed`].sort());
    expect(listed.ids).toContain(canary.id);
  });
});

describe("vitest", () => {
  const files = {
    "web/package.json": '{"devDependencies":{"vitest":"4.0.0"}}',
    "web/vitest.config.ts":
      'import { defineConfig } from "vitest/config";\nexport default defineConfig({ test: { globals: true } });\n',
    "web/add.ts": "export const add = (a: number, b: number): number => a + b;\n",
    "web/tests/a.test.ts":
      'import { add } from "../add";\ndescribe("add", () => {\n  it("adds", () => expect(add(1, 2)).toBe(3));\n  it("errs", () => expect(add(1, 2)).toBe(4));\n});\n',
    "web/tests/b.spec.ts":
      'import { describe, expect, it } from "vitest";\ndescribe.each([{ n: 1 }])("case $n", ({ n }) => {\n  it("is one", () => expect(n).toBe(1));\n});\n',
  };

  it("reports every outcome, loads a configuration without installed packages, and leaves nothing behind", async () => {
    const place = make(files);
    const { report, listed } = await testAll(place);
    expect(report.unreadable).toBeNull();
    expect(outcomesOf(report)).toEqual([
      "web/tests/a.test.ts::add::adds passed",
      "web/tests/a.test.ts::add::errs failed",
      "web/tests/b.spec.ts::case 1::is one passed",
    ]);
    const ran = report.tests.map((test) => test.id);
    expect(compareTestIds(listed.ids, ran)).toEqual({ missing: [], unexpected: [] });
    expect(place.files()).toEqual(Object.keys(files).sort());
  });

  it("fails its canary under the announced id", async () => {
    const place = make(files);
    const canary = node.canary(place.files(), place.readText, "k3v9");
    place.write(canary.path, canary.content);
    const { report, listed } = await testAll(place);
    expect(report.tests.find((test) => test.id === canary.id)?.outcome).toBe("failed");
    expect(listed.ids).toContain(canary.id);
  });

  it("says why when a configuration cannot be loaded", async () => {
    const place = make({
      ...files,
      "web/vitest.config.ts": 'import "nowhere-plugin";\nexport default {};\n',
    });
    const { report } = await testAll(place);
    expect(report.unreadable).toContain("nowhere-plugin");
  });
});

describe("node:test", () => {
  it("reports every outcome under ids that match the listed ones", async () => {
    const place = make({ "package.json": '{"type":"module"}', "tests/a.test.js": NODE_TEST });
    const { report, listed } = await testAll(place);
    expect(report.unreadable).toBeNull();
    expect(outcomesOf(report)).toEqual([
      "tests/a.test.js::adds passed",
      "tests/a.test.js::group::comes skipped",
      "tests/a.test.js::group::deep::number 1 counts passed",
      "tests/a.test.js::group::deep::number 2 counts passed",
      "tests/a.test.js::group::waits skipped",
      "tests/a.test.js::group::works passed",
      "tests/a.test.js::off skipped",
      "tests/a.test.js::parent failed",
      "tests/a.test.js::parent::child failed",
    ]);
    expect(listed.ids).toContain("tests/a.test.js::group::deep::number {*} counts");
    expect(
      compareTestIds(
        listed.ids,
        report.tests.map((test) => test.id),
      ),
    ).toEqual({ missing: [], unexpected: [] });
  });

  it("reports a file that breaks at its start, with what it printed", async () => {
    const place = make({
      "a.test.mjs": 'import "./nowhere.mjs";\nimport test from "node:test";\ntest("x", () => {});\n',
    });
    const { report, listed } = await testAll(place);
    expect(report.tests).toMatchObject([{ id: "a.test.mjs", outcome: "error" }]);
    expect(report.tests[0]?.message).toContain("nowhere.mjs");
    expect(compareTestIds(listed.ids, ["a.test.mjs"]).missing).toEqual(["a.test.mjs::x"]);
  });

  it("shows tests that an early exit swallowed as missing", async () => {
    const place = make({
      "a.test.cjs":
        'const test = require("node:test");\ntest("ends", () => process.exit(0));\ntest("lost", () => {});\n',
    });
    const { report, listed } = await testAll(place);
    const compared = compareTestIds(
      listed.ids,
      report.tests.map((test) => test.id),
    );
    expect(compared.missing).toContain("a.test.cjs::lost");
  });

  it("ends a file that keeps something open, and says so", async () => {
    const place = make({
      "a.test.mjs":
        'import http from "node:http";\nimport test from "node:test";\nhttp.createServer().listen(0);\ntest("x", () => {});\n',
    });
    const command = node.test(place.files(), place.readText);
    if (command) command.env = { ...command.env, FABRICA_FILE_TIMEOUT_MS: "1500" };
    const report = node.parseTests(await place.run(command));
    expect(outcomesOf(report)).toEqual(["a.test.mjs error", "a.test.mjs::x passed"]);
    expect(report.tests.find((test) => test.outcome === "error")?.message).toContain("left open");
  });

  it("reports tests that a helper defines under the file that called it", async () => {
    const place = make({
      "tests/helper.mjs":
        'import test from "node:test";\nexport const shared = (name) => test(name + " works", () => {});\n',
      "tests/a.test.mjs": 'import { shared } from "./helper.mjs";\nshared("a");\n',
    });
    const { report, listed } = await testAll(place);
    expect(outcomesOf(report)).toContain("tests/a.test.mjs::a works passed");
    expect(listed.ids).toContain("tests/a.test.mjs{*}");
  });

  it("runs TypeScript tests, and projects in sub-folders in their own folder", async () => {
    const place = make({
      "api/package.json": '{"type":"module"}',
      "api/data.txt": "here",
      "api/src/add.ts": "export const add = (a: number, b: number): number => a + b;\n",
      "api/test/add.ts":
        'import assert from "node:assert";\nimport { readFileSync } from "node:fs";\nimport { test } from "node:test";\nimport { add } from "../src/add";\ntest("adds", () => {\n  assert.equal(add(1, 2), 3);\n  assert.equal(readFileSync("data.txt", "utf8"), "here");\n});\n',
      "plain.test.mjs": 'import test from "node:test";\ntest("plain", () => {});\n',
    });
    const { report, listed } = await testAll(place);
    expect(outcomesOf(report)).toEqual(["api/test/add.ts::adds passed", "plain.test.mjs::plain passed"]);
    expect(
      compareTestIds(
        listed.ids,
        report.tests.map((test) => test.id),
      ),
    ).toEqual({ missing: [], unexpected: [] });
  });

  it("fails its canary under the announced id", async () => {
    const place = make({ "package.json": '{"type":"module"}', "tests/a.test.js": NODE_TEST });
    const canary = node.canary(place.files(), place.readText, "k3v9");
    place.write(canary.path, canary.content);
    const { report, listed } = await testAll(place);
    expect(report.tests.find((test) => test.id === canary.id)?.outcome).toBe("failed");
    expect(listed.ids).toContain(canary.id);
  });
});
