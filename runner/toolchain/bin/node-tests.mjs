// Runs or lists the JavaScript and TypeScript tests of a workspace and writes one report.
// node-tests.mjs run|collect --report FILE GROUP...  with GROUP = {"runner","dir","files","typescript"} as JSON,
// runner "node-test", "jest" or "vitest". The current folder is the workspace; every group runs in its own folder.
import { resolve } from "node:path";
import { readArguments } from "./arguments.mjs";
import { openReport } from "./test-report.mjs";

/** Long file lists arrive in several arguments; groups of the same folder and runner become one. */
function merge(groups) {
  const merged = new Map();
  for (const group of groups) {
    const key = `${group.runner} ${group.dir}`;
    const known = merged.get(key);
    if (known) {
      known.files.push(...group.files);
      known.typescript ||= group.typescript;
    } else merged.set(key, { ...group, files: [...group.files] });
  }
  return [...merged.values()];
}

const RUNNERS = {
  "node-test": () => import("./run-node-test.mjs"),
  jest: () => import("./run-jest.mjs"),
  vitest: () => import("./run-vitest.mjs"),
};

const { words, report: path, groups } = readArguments();
const mode = words[0];
if (mode !== "run" && mode !== "collect")
  throw new Error("usage: node-tests.mjs run|collect --report FILE GROUP...");
const report = openReport(path);
const workspace = process.cwd();
try {
  if (mode === "collect") {
    const { collect } = await import("./collect-node-tests.mjs");
    for (const group of merge(groups)) collect(report, workspace, group);
  } else {
    for (const group of merge(groups)) {
      const { run } = await RUNNERS[group.runner]();
      process.chdir(resolve(workspace, group.dir));
      await run(report, workspace, group);
    }
  }
} catch (error) {
  console.error(error);
  report.error(`The tests could not be ${mode === "run" ? "run" : "listed"}: ${error?.stack ?? error}`);
}
process.exit(report.end());
