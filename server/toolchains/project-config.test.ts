import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  type ConfigSources,
  configPath,
  projectConfig,
  readProjectConfig,
  resolveProjectConfig,
} from "./project-config";

const problemOf = (text: string) => {
  const read = readProjectConfig(text);
  return read.ok ? null : read.problem;
};

describe("fabrica.json", () => {
  test("has a published schema that is current", () => {
    const published: unknown = JSON.parse(readFileSync("public/schemas/fabrica.json", "utf8"));
    expect(published).toEqual(z.toJSONSchema(projectConfig, { io: "input" }));
  });

  test("is read with all that it may hold", () => {
    const config = {
      $schema: "https://factory.example/schemas/fabrica.json",
      version: 1 as const,
      folder: "packages/api",
      tech_stack: ["typescript" as const],
      setup_command: "npm ci && npm run build",
      lint_command: null,
      test_command: "npm test -- --ci",
      setup_timeout_seconds: 900,
      ignored: ["dist/", "**/*.min.js"],
      protected: ["migrations/**"],
    };
    expect(readProjectConfig(JSON.stringify(config))).toEqual({ ok: true, config });
    expect(readProjectConfig('\ufeff{"version": 1}\n')).toEqual({ ok: true, config: { version: 1 } });
  });

  test.each([
    ["", "line 1, column 1: the text ends too early"],
    ["[]", "line 1, column 1: the whole: Invalid input: expected object, received array"],
    ["{}", "line 1, column 1: version: is missing"],
    ['{"version": 2}', "line 1, column 13: version: must be 1"],
    ['{\n  "version": 1,\n  "tests": "x"\n}', 'line 3, column 12: "tests" is not a field that is known'],
    ['{\n  "version": 1,\n}', "line 3, column 1: there is a comma too many before }"],
    ['{"version": 1 "a": 2}', 'line 1, column 15: a comma or } was expected, not "a"'],
    ['{"version" 1}', 'line 1, column 12: a colon was expected after "version"'],
    ["{version: 1}", "line 1, column 2: version is not JSON"],
    ["{'version': 1}", "line 1, column 2: texts stand in double quotes"],
    ['{"version": 1} x', "line 1, column 16: there is text after the end of the JSON"],
    ['{\n  // ours\n  "version": 1}', "line 2, column 3: JSON has no comments"],
    ['{"version": 1, "version": 1}', 'line 1, column 16: "version" is there twice'],
    [
      '{"version": 1, "a\nb": 1}',
      "line 1, column 16: a text is not closed, or holds a line break or a wrong backslash",
    ],
    ['{"version": 01}', "line 1, column 13: 01 is not JSON"],
    ['{"version": 1, "ignored": ["a", ""]}', "line 1, column 33: ignored.1: must not be empty"],
    [
      '{"version": 1, "protected": ["../x"]}',
      "line 1, column 30: protected.0: must be a path inside the repository",
    ],
    [
      '{"version": 1, "folder": "../x"}',
      "line 1, column 26: folder: must be a path inside the project, without .. and .git",
    ],
    [
      '{"version": 1, "test_timeout_seconds": 1e9}',
      "line 1, column 40: test_timeout_seconds: Too big: expected number to be <=3600",
    ],
    ['{"version": 1, "__proto__": {}}', 'line 1, column 29: "__proto__" is not a field that is known'],
    ["[".repeat(100), "line 1, column 22: is nested too deep"],
  ])("%j is refused with the place", (text, problem) =>
    expect(problemOf(text)).toBe(`fabrica.json, ${problem}.`),
  );

  test("that is very long is not looked at", () =>
    expect(problemOf(" ".repeat(65_537))).toBe("fabrica.json is longer than 65536 characters."));

  test("lies in the folder, else in the root", () => {
    expect(configPath(["fabrica.json", "a/fabrica.json"], "a")).toBe("a/fabrica.json");
    expect(configPath(["fabrica.json", "a/fabrica.json"], "b")).toBe("fabrica.json");
    expect(configPath(["a/fabrica.json"], "")).toBeNull();
  });
});

describe("the commands that count", () => {
  const sources: ConfigSources = {
    config: null,
    project: { setupCommand: null, lintCommand: null, testCommand: null, folder: "" },
    detected: { tech_stack: ["node"], setup_command: "npm ci", lint_command: null, test_command: "npm test" },
  };
  const resolved = (more: Partial<ConfigSources>) => {
    const config = resolveProjectConfig({ ...sources, ...more });
    if (!config.ok) throw new Error(config.problem);
    return config;
  };
  const project = { ...sources.project, testCommand: "make test" };

  test("are those of fabrica.json, the record, detection and the toolchain, in this order", () => {
    expect(resolved({ detected: null }).test).toMatchObject({ command: null, source: "toolchain" });
    expect(resolved({})).toMatchObject({
      techStack: ["node"],
      setup: { command: "npm ci", source: "detected", timeoutMs: 600_000 },
      lint: { command: null, source: "toolchain" },
      test: { command: "npm test", source: "detected" },
    });
    expect(resolved({ project }).test).toMatchObject({ command: "make test", source: "project" });
    const config =
      '{"version": 1, "test_command": "tox", "test_timeout_seconds": 7, "tech_stack": ["python"]}';
    expect(resolved({ project, config })).toMatchObject({
      techStack: ["python"],
      setup: { source: "detected" },
      test: { command: "tox", source: "fabrica.json", timeoutMs: 7_000 },
    });
  });

  test("may be none, said so by fabrica.json", () => {
    const config = '{"version": 1, "setup_command": null, "test_command": null}';
    expect(resolved({ project, config })).toMatchObject({
      setup: { command: null, source: "fabrica.json" },
      test: { command: null, source: "fabrica.json" },
    });
  });

  test("are for one folder", () => {
    const config = '{"version": 1, "folder": "api"}';
    expect(resolved({ config }).folder).toBe("api");
    expect(resolved({ project: { ...project, folder: "web" } }).folder).toBe("web");
    expect(resolved({ project: { ...project, folder: "." } }).folder).toBe("");
    expect(resolveProjectConfig({ ...sources, config, project: { ...project, folder: "web" } })).toEqual({
      ok: false,
      problem:
        "fabrica.json is for the folder api, but the project's folder is web; put a fabrica.json for it there.",
    });
  });

  test("are none where fabrica.json is broken", () =>
    expect(resolveProjectConfig({ ...sources, config: "{", path: "api/fabrica.json" })).toEqual({
      ok: false,
      problem: "api/fabrica.json, line 1, column 2: the text ends too early.",
    }));
});
