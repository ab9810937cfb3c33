// Change jobs of the simulation, judged as the factory does it: its linters, its runners with the real programs, and a
// test that fails on the tree from before.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { nodeToolchain } from "@/server/toolchains/node";
import type { ToolchainAdapter } from "@/server/toolchains/port";
import { pythonToolchain } from "@/server/toolchains/python";
import { makeWorkspace, type TestWorkspace } from "@/tests/support/toolchain";
import { Drive } from "../testing/drive";
import { NODE_CJS, NODE_ESM, PYTEST, PYTHON, VITEST_TS, WISHES } from "../testing/repositories";

const remove: (() => void)[] = [];
afterEach(() => {
  for (const one of remove.splice(0)) one();
});

function workspaceOf(content: Record<string, string>): TestWorkspace {
  const workspace = makeWorkspace(content);
  remove.push(workspace.remove);
  return workspace;
}

async function outcomes(toolchain: ToolchainAdapter, workspace: TestWorkspace) {
  const command = toolchain.test(workspace.files(), workspace.readText);
  const report = toolchain.parseTests(await workspace.run(command));
  expect(report.unreadable).toBeNull();
  return report.tests;
}

describe.each([
  { name: "node:test", files: NODE_ESM, toolchain: nodeToolchain },
  { name: "jest and CommonJS", files: NODE_CJS, toolchain: nodeToolchain },
  { name: "vitest and TypeScript", files: VITEST_TS, toolchain: nodeToolchain },
  { name: "unittest", files: PYTHON, toolchain: pythonToolchain },
  { name: "pytest", files: PYTEST, toolchain: pythonToolchain },
])("a change with $name", ({ files, toolchain }) => {
  it.each([
    { what: "functions", title: "More functions", features: WISHES },
    { what: "a collection", title: "Customers can pay orders later", features: [] },
  ])(
    "$what: lints clean, all tests pass, and fail where the modules are missing",
    async ({ title, features }) => {
      const job = { title, features, description: "", stack: [], toolchains: [], context: null };
      const drive = new Drive({ ...job, kind: "change" });
      remove.push(() => rmSync(drive.folder, { recursive: true, force: true }));
      drive.seed(files);
      await drive.build();
      const after = Object.fromEntries(
        drive.files().map((path) => [path, readFileSync(join(drive.folder, path), "utf8")]),
      );
      expect(after).toMatchObject(files);
      const workspace = workspaceOf(after);
      const linted = toolchain.parseLint(await workspace.run(toolchain.lint(workspace.files())));
      expect(linted.problems.filter(({ file }) => !(file in files))).toEqual([]);
      const tests = await outcomes(toolchain, workspace);
      expect(tests.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
      expect(tests.length).toBeGreaterThan(2);
      const isTest = (path: string) => /test_|\.test\.|\.spec\./.test(path);
      const before = workspaceOf(
        Object.fromEntries(Object.entries(after).filter(([path]) => path in files || isTest(path))),
      );
      const failing = (await outcomes(toolchain, before)).filter(({ outcome }) => outcome !== "passed");
      expect(failing.length).toBeGreaterThanOrEqual(Math.max(features.length, 1));
    },
  );
});
