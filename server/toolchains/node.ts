// The Node toolchain for JavaScript and TypeScript: eslint for lint; node:test, jest and vitest for tests.
import { parseLintReport } from "./lint-report";
import { type NodeTestGroup, nodeTestGroups } from "./node-test-files";
import { type Canary, type FileList, TOOLCHAIN_DIR, type ToolCommand, type ToolchainAdapter } from "./port";
import { parseCollectedReport, parseTestReport } from "./test-report";
import { folderOf, groupArguments, nameOf, ownFiles, within } from "./workspace-files";

const LINT_REPORT = "/tmp/fabrica-lint-node.json";
const TEST_REPORT = "/tmp/fabrica-tests-node.jsonl";
const COLLECT_REPORT = "/tmp/fabrica-collect-node.jsonl";
const SOURCE = /\.[cm]?[jt]sx?$/;
/** CI keeps the runners from watching files and from writing snapshots that were not there before. */
const ENV = { CI: "1", NO_COLOR: "1", FABRICA_FILE_TIMEOUT_MS: "120000" };

type ReadText = (path: string) => string | null;

function testCommand(
  mode: "run" | "collect",
  report: string,
  timeoutMs: number,
  groups: NodeTestGroup[],
): ToolCommand | null {
  if (groups.length === 0) return null;
  const program = `${TOOLCHAIN_DIR}/bin/node-tests.mjs`;
  return {
    argv: ["node", program, mode, "--report", report, ...groupArguments(groups)],
    env: ENV,
    timeoutMs,
    report,
  };
}

/** Whether plain `.js` beside this test is an ES module. */
function isModule(dir: string, readText: ReadText): boolean {
  return /"type"\s*:\s*"module"/.test(readText(within(dir, "package.json")) ?? "");
}

function canaryHead(runner: NodeTestGroup["runner"], esm: boolean): string[] {
  if (runner === "vitest") return ['import { expect, test } from "vitest";', ""];
  if (runner === "jest") return [];
  return esm
    ? ['import assert from "node:assert";', 'import test from "node:test";', ""]
    : ['const assert = require("node:assert");', 'const test = require("node:test");', ""];
}

/** Beside the first test and named like it, so that whatever finds that one finds this one too. */
function canaryFor(files: FileList, readText: ReadText, token: string): Canary {
  const group = nodeTestGroups(files, readText)[0] ?? {
    runner: "node-test" as const,
    dir: ".",
    files: [],
    typescript: false,
  };
  const like = group.files.find((file) => /\.(?:test|spec)\./.test(file)) ?? group.files[0];
  const ending = like
    ? (/(?:\.(?:test|spec))?\.[cm]?[jt]sx?$/.exec(nameOf(like))?.[0] ?? ".test.js")
    : ".test.mjs";
  const suffix = /\.(?:test|spec)\./.test(ending) ? ending : `.test${ending}`;
  const path = within(like ? folderOf(like) : "tests", `canary-${token}${suffix}`);
  const esm =
    /\.(?:m[jt]s|tsx?|jsx)$/.test(suffix) || (suffix.endsWith(".js") && isModule(group.dir, readText));
  const check =
    group.runner === "node-test"
      ? `  assert.strictEqual("${token}", "must fail");`
      : `  expect("${token}").toBe("must fail");`;
  const content = [
    ...canaryHead(group.runner, esm),
    `test("canary ${token}", () => {`,
    check,
    "});",
    "",
  ].join("\n");
  return { path, content, id: `${path}::canary ${token}` };
}

/** JavaScript and TypeScript with eslint, node:test, jest and vitest. */
export const nodeToolchain: ToolchainAdapter = {
  name: "node",
  applies: (files) => ownFiles(files).some((file) => SOURCE.test(file) || nameOf(file) === "package.json"),
  probe: () => ({
    argv: ["node", `${TOOLCHAIN_DIR}/bin/versions.mjs`],
    env: ENV,
    timeoutMs: 20_000,
    report: null,
  }),
  lint: (files) =>
    ownFiles(files).some((file) => SOURCE.test(file))
      ? {
          argv: ["node", `${TOOLCHAIN_DIR}/bin/eslint.mjs`, "--report", LINT_REPORT],
          env: ENV,
          timeoutMs: 120_000,
          report: LINT_REPORT,
        }
      : null,
  parseLint: (output) => parseLintReport("eslint", output),
  test: (files, readText) => testCommand("run", TEST_REPORT, 300_000, nodeTestGroups(files, readText)),
  parseTests: (output) => parseTestReport("node tests", output),
  collect: (files, readText) =>
    testCommand("collect", COLLECT_REPORT, 120_000, nodeTestGroups(files, readText)),
  parseCollected: (output) => parseCollectedReport("node tests", output),
  canary: canaryFor,
};
