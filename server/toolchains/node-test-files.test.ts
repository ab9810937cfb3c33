import { expect, it } from "vitest";
import { nodeTestGroups } from "./node-test-files";

/** The groups as `runner dir: files` for a workspace given as texts by path. */
function groupsOf(content: Record<string, string>): string[] {
  return nodeTestGroups(Object.keys(content), (path) => content[path] ?? null).map(
    ({ runner, dir, files, typescript }) => `${runner} ${dir}${typescript ? " ts" : ""}: ${files.join(" ")}`,
  );
}

const NODE = 'import test from "node:test";\n';
const VITEST = 'import { it } from "vitest";\n';
const GLOBAL = 'describe("x", () => {});\n';

it.each<[string, Record<string, string>, string[]]>([
  ["nothing", {}, []],
  [
    "imports decide",
    { "a.test.js": NODE, "b.spec.ts": VITEST },
    ["node-test .: a.test.js", "vitest . ts: b.spec.ts"],
  ],
  [
    "require counts as well",
    { "a.test.cjs": 'const { test } = require("node:test");' },
    ["node-test .: a.test.cjs"],
  ],
  [
    "globals ask the script",
    { "package.json": '{"scripts":{"test":"vitest run"}}', "a.test.js": GLOBAL },
    ["vitest .: a.test.js"],
  ],
  [
    "or the dependencies",
    { "package.json": '{"devDependencies":{"jest":"1"}}', "a.test.js": GLOBAL },
    ["jest .: a.test.js"],
  ],
  ["or a configuration file", { "vitest.config.ts": "", "a.test.js": GLOBAL }, ["vitest .: a.test.js"]],
  ["globals alone are jest's", { "a.test.js": GLOBAL }, ["jest .: a.test.js"]],
  ["a broken package.json is like none", { "package.json": "{", "a.test.js": GLOBAL }, ["jest .: a.test.js"]],
  ["a plain script is run by node", { "a.test.js": "1 + 1;" }, ["node-test .: a.test.js"]],
  [
    "test folders count when the file tests",
    { "test/a.js": NODE, "test/helper.js": "" },
    ["node-test .: test/a.js"],
  ],
  ["dependencies and builds do not", { "node_modules/x/a.test.js": NODE, "dist/a.test.js": NODE }, []],
  [
    "every package is its own project",
    { "web/package.json": "{}", "web/src/a.test.js": NODE, "a.test.js": NODE },
    ["node-test .: a.test.js", "node-test web: web/src/a.test.js"],
  ],
])("%s", (_name, content, groups) => {
  expect(groupsOf(content)).toEqual(groups);
});
