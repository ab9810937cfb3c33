// The collector runs inside a sandbox; here it reads one text at a time.
import { writeFileSync } from "node:fs";
import { afterEach, beforeAll, expect, it } from "vitest";
import { makeWorkspace, type TestWorkspace, toolchainDir } from "@/tests/support/toolchain";
import { nodeToolchain as node } from "./node";

// The first run on a machine installs the packages.
beforeAll(() => toolchainDir(), 300_000);

let workspace: TestWorkspace | null = null;
afterEach(() => workspace?.remove());

/** Ids (without the file) that are listed for each of the given files. */
async function listed(content: Record<string, string>): Promise<Record<string, string[]>> {
  workspace = makeWorkspace(content);
  const command = node.collect(workspace.files(), workspace.readText);
  const { ids, unreadable } = node.parseCollected(await workspace.run(command));
  expect(unreadable).toBeNull();
  const byFile: Record<string, string[]> = {};
  for (const id of ids) {
    const file = Object.keys(content).find((name) => id.startsWith(name)) ?? "";
    byFile[file] = [...(byFile[file] ?? []), id.slice(file.length).replace(/^::/, "")];
  }
  return byFile;
}

it("reads every way of naming a test", async () => {
  const vitest = 'import { describe, expect, it, test as check } from "vitest";\n';
  const names = await listed({
    "alias.test.ts": `${vitest}check("aliased", () => {});\nit.only<number>("typed", () => {});`,
    "nested.test.ts": `${vitest}describe("a", () => { describe(\`b\`, () => { it("c" + "d", () => {}); }); });`,
    "modifiers.test.ts": `${vitest}it.skip("s", () => {});\nit.skipIf(true)("t", () => {});\ndescribe.skip("u", () => { it("v", () => {}); });\nit.todo("w");`,
    "tables.test.ts": `${vitest}it.each([1, 2])("n %i of 100%%", () => {});\nit.each\`a | b\n\${1} | \${2}\`("$a and $b", () => {});\ndescribe.each([[1]])("d %s", () => { it("x", () => {}); });\nit.for([1])("for %i", () => {});`,
    "dynamic.test.ts": `${vitest}for (const one of ["p"]) it(one, () => {});\n["q"].forEach((one) => { it(\`is \${one}\`, () => {}); });\nfunction helper() { it("inside", () => {}); }\ndescribe("outer", helper);\ndescribe("real", () => { helper(); });`,
    "other.test.ts": `${vitest}const client = { test: (a: string) => a };\nclient.test("not a test");\n/x/.test("nor this");\nit("real", () => { /y/.test("nor that"); });`,
    "jsx.test.jsx": 'import { it } from "vitest";\nit("shows", () => { const a = <b>{1}</b>; return a; });',
  });
  expect(names).toEqual({
    "alias.test.ts": ["aliased", "typed"],
    "nested.test.ts": ["a::b::cd"],
    "modifiers.test.ts": ["s", "t", "u::v", "w"],
    "tables.test.ts": ["n {*} of 100%", "{*} and {*}", "d {*}::x", "for {*}"],
    "dynamic.test.ts": ["{*}", "is {*}", "{*}inside"],
    "other.test.ts": ["real"],
    "jsx.test.jsx": ["shows"],
  });
});

it("follows subtests, skipped suites and namespaces of Node's runner", async () => {
  const names = await listed({
    "sub.test.cjs":
      'const test = require("node:test");\nconst { it } = test;\ntest("a", async (t) => { await t.test("b", async (u) => { await u.test("c"); }); });\ntest.describe("d", () => { it("e", () => {}); });',
    "skip.test.mjs":
      'import { describe, it } from "node:test";\ndescribe.skip("off", () => { it("never", () => {}); });\ndescribe("also off", { skip: true }, () => { it("never", () => {}); });\nit("on", { skip: false }, () => {});',
    "space.test.mjs":
      'import * as t from "node:test";\nt.test("x", () => {});\nt.describe("y", () => { t.it("z", () => {}); });',
    "direct.test.cjs": 'require("node:test").test("direct", () => {});',
    "helper.test.mjs": 'import "node:test";\nimport { suite } from "./helper.mjs";\nsuite();',
  });
  expect(names).toEqual({
    "sub.test.cjs": ["a", "a::b", "a::b::c", "d::e"],
    "skip.test.mjs": ["off", "also off", "on"],
    "space.test.mjs": ["x", "y::z"],
    "direct.test.cjs": ["direct"],
    "helper.test.mjs": ["{*}"],
  });
});

it("says which file it cannot read", async () => {
  workspace = makeWorkspace({ "a.test.js": 'import test from "node:test";\n' });
  const command = node.collect(workspace.files(), workspace.readText);
  writeFileSync(`${workspace.root}/a.test.js`, "const = (;\u0000");
  const { unreadable } = node.parseCollected(await workspace.run(command));
  expect(unreadable).toContain("a.test.js cannot be read");
});
