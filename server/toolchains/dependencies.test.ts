import { describe, expect, it } from "vitest";
import { missingProgram, planDependencies, wasTooLarge } from "./dependencies";

const CI = "npm ci --ignore-scripts";
const tree = (files: Record<string, string>) => Object.entries(files).map(([path, oid]) => ({ path, oid }));
const NODE = { "package.json": "m1", "package-lock.json": "l1", "index.js": "i1" };
const keyOf = (files: Record<string, string>, setupCommand = CI, folder = "") =>
  planDependencies(tree(files), { folder, setupCommand })?.key;

describe("the plan of a tree's dependencies", () => {
  it("is none without a setup command", () => {
    expect(planDependencies(tree(NODE), { folder: "", setupCommand: null })).toBeNull();
  });

  it("runs the command in the project's folder", () => {
    const plan = planDependencies(tree({ "web/package.json": "m1" }), { folder: "web", setupCommand: CI });
    expect(plan).toMatchObject({
      argv: ["sh", "-c", CI],
      cwd: "web",
      laterPath: [],
      keyed: ["web/package.json"],
    });
  });

  it("has the same key for the same manifests, whatever else is in the tree", () => {
    expect(keyOf(NODE)).toMatch(/^[0-9a-f]{64}$/);
    expect(keyOf({ ...NODE, "index.js": "i2", "README.md": "r" })).toBe(keyOf(NODE));
    expect(keyOf(Object.fromEntries(Object.entries(NODE).reverse()))).toBe(keyOf(NODE));
    expect(keyOf({ ...NODE, "node_modules/a/package.json": "x" })).toBe(keyOf(NODE));
  });

  it.each([
    ["a lock file", { ...NODE, "package-lock.json": "l2" }],
    ["a manifest", { ...NODE, "package.json": "m2" }],
    ["a manifest of a workspace", { ...NODE, "packages/a/package.json": "a1" }],
    ["settings of npm", { ...NODE, ".npmrc": "n1" }],
    ["a lock file elsewhere", { "package.json": "m1", "sub/package-lock.json": "l1", "index.js": "i1" }],
    ["requirements", { ...NODE, "requirements/dev.txt": "q1" }],
    ["requirements by another name", { ...NODE, "test_requirements.txt": "q1" }],
  ])("has another key for %s that changed", (_, files) => {
    expect(keyOf(files)).not.toBe(keyOf(NODE));
  });

  it("has another key for another command, folder, or script that the command names", () => {
    const files = { ...NODE, "scripts/setup.sh": "s1", "web/package.json": "w1", Makefile: "k1" };
    const changed = { ...files, "scripts/setup.sh": "s2" };
    expect(keyOf(files, "npm install")).not.toBe(keyOf(files));
    expect(keyOf(files, CI, "web")).not.toBe(keyOf(files));
    expect(keyOf(changed)).toBe(keyOf(files));
    for (const line of ["sh scripts/setup.sh", "cd x; ./scripts/setup.sh --all"])
      expect(keyOf(changed, line)).not.toBe(keyOf(files, line));
    expect(keyOf(changed, "sh ../scripts/setup.sh", "web")).not.toBe(
      keyOf(files, "sh ../scripts/setup.sh", "web"),
    );
    expect(keyOf({ ...files, Makefile: "k2" }, "make deps")).not.toBe(keyOf(files, "make deps"));
  });

  it("makes an environment for Python and keeps it in front for what comes later", () => {
    const setupCommand = "python3 -m pip install -r requirements.txt";
    const plan = planDependencies(tree({ "requirements.txt": "r1" }), { folder: "", setupCommand });
    expect(plan?.argv[2]).toMatch(/^python3 -m venv .*\/work\/\.venv.*\npython3 -m pip install/);
    expect(plan).toMatchObject({ laterPath: [".venv/bin"], laterEnv: { VIRTUAL_ENV: "/work/.venv" } });
  });
});

describe("what an installer said", () => {
  it.each([
    ["/usr/bin/python3: No module named pip", /no pip/],
    ["sh: 1: npm: not found", /no npm/],
    ["Error: No module named 'venv'", /no venv/],
  ])("names the missing program: %s", (output, sentence) => {
    expect(missingProgram(output)).toMatch(sentence);
  });

  it("is nothing of that sort otherwise", () => {
    expect(missingProgram("npm error 404 Not Found - GET https://registry.example/pip")).toBeNull();
    expect(wasTooLarge("npm error ENOSPC: no space left on device, write")).toBe(true);
    expect(wasTooLarge("npm error 404")).toBe(false);
  });
});
