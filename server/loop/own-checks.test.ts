import { expect, it } from "vitest";
import { changedScripts } from "./own-checks";

const scripts = (more: Record<string, string> = {}) =>
  JSON.stringify({
    scripts: { test: "npm run unit && node check.js", unit: "mocha", build: "tsc", ...more },
  });

it.each([
  ["nothing", {}, []],
  ["what is not run", { build: "esbuild", release: "npm publish" }, []],
  ["the script itself", { test: "exit 0" }, ["test"]],
  ["one that it runs", { unit: "true" }, ["unit"]],
  ["one that comes before it", { pretest: "rm -r tests" }, ["pretest"]],
])("%s is changed", (_, more, found) => {
  expect(changedScripts("npm test", scripts(), scripts(more))).toEqual(found);
});

it("a package.json that is gone or broken runs nothing of it any more", () => {
  expect(changedScripts("npm test", scripts(), null)).toEqual(["test", "unit"]);
  expect(changedScripts("npm test", "{", "{")).toEqual([]);
  expect(changedScripts("npm test", scripts({ constructor: "x" }), scripts())).toEqual([]);
});
