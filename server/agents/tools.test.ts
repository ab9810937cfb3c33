import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { execSpec } from "../../runner/protocol";
import { isCiFile } from "./ci-files";
import {
  callTitle,
  clip,
  commandOf,
  isToolName,
  SANDBOX_TOOLS,
  TOOL_INPUTS,
  type ToolName,
  writeCommand,
} from "./tools";

describe("what a model is shown of a long text", () => {
  test("is its beginning and its end, and how much is missing", () => {
    const shown = clip("a".repeat(6_000) + "b".repeat(90_000) + "c".repeat(4_000));
    expect(shown.length).toBeLessThanOrEqual(10_000);
    expect(shown).toMatch(/^a{5980}\n\[… 90034 characters left out …\]\nc{3986}$/);
  });

  test("is well formed wherever it is cut", () => {
    for (let shift = 0; shift < 4; shift++)
      expect(clip("x".repeat(shift) + "😀".repeat(9_000)).isWellFormed()).toBe(true);
  });

  test("is all of a short one", () => expect(clip("short")).toBe("short"));
});

describe("the title of a call", () => {
  test.each([
    [{ command: "npm\n  test" }, "run npm test"],
    [{ command: { toString: 1, valueOf: 1 } }, 'run {"toString":1,"valueOf":1}'],
    [null, "run"],
    ["text", "run"],
    [undefined, "run"],
    [[1], "run"],
  ])("of %j is %j", (input, title) => expect(callTitle("run", input)).toBe(title));

  test("is one line of at most 200 well-formed characters", () => {
    for (const at of [194, 195, 196, 197]) {
      const title = callTitle("run", { command: `${"x".repeat(at)}😀😀` });
      expect(title.length).toBeLessThanOrEqual(200);
      expect(title.isWellFormed()).toBe(true);
    }
  });
});

describe("tools", () => {
  test("are those of the definitions, and no field of an object", () => {
    expect(SANDBOX_TOOLS.map((tool) => tool.name)).toEqual([
      "run",
      "read",
      "write",
      "edit",
      "search",
      "tree",
    ]);
    for (const name of ["constructor", "toString", "__proto__", "finish", ""])
      expect(isToolName(name)).toBe(false);
  });

  test("describe an object each, without what other servers do not know", () => {
    for (const { input } of SANDBOX_TOOLS) {
      expect(input).toMatchObject({ type: "object" });
      expect(input).not.toHaveProperty("$schema");
    }
  });

  test.each([
    ["run", { command: "true" }],
    ["run", { command: "true", timeout_seconds: 0.0001 }],
    ["run", { command: "true", timeout_seconds: 299.99999 }],
    ["read", { path: "-rf" }],
    ["write", { path: "--help", content: "" }],
    ["search", { pattern: "-e", path: "-r" }],
    ["search", { pattern: "x" }],
    ["search", { pattern: "x", glob: "src/**/*.ts" }],
    ["tree", { path: "-x", depth: 3 }],
    ["tree", {}],
  ] as [Exclude<ToolName, "edit">, unknown][])(
    "%s %j becomes a command that the runner can read",
    (name, input) => {
      expect(TOOL_INPUTS[name].safeParse(input).success).toBe(true);
      expect(execSpec.safeParse(commandOf(name, input)).success).toBe(true);
    },
  );
});

describe("writing a file", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "fabrica-write-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const write = (path: string, content: string) => {
    const { argv, stdin } = writeCommand(path, content);
    const [program = "", ...args] = argv;
    return spawnSync(program, args, { cwd: folder, input: stdin ?? "" }).status;
  };

  test.each(["a.txt", "new/deep/a.txt", "-rf", "-x/--y", "a b/$(id) 'c'.txt", 'ü/"q".txt'])(
    "%s makes its folders, twice",
    (path) => {
      for (const content of ["first\n", "second, no end of line"]) {
        expect(write(path, content)).toBe(0);
        expect(readFileSync(join(folder, path), "utf8")).toBe(content);
      }
    },
  );

  test("never goes through a link", () => {
    symlinkSync(join(folder, "elsewhere"), join(folder, "link"));
    expect(write("link", "x")).not.toBe(0);
    expect(existsSync(join(folder, "elsewhere"))).toBe(false);
  });

  test("says so when it cannot be done", () => {
    writeFileSync(join(folder, "file"), "kept");
    expect(write("file/a.txt", "x")).not.toBe(0);
    expect(write(".", "x")).not.toBe(0);
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("kept");
  });
});

describe("CI files", () => {
  test.each([
    ".github/workflows/ci.yml",
    ".GITHUB/Workflows/x",
    ".github/workflows",
    ".gitlab-ci.yml",
    ".gitlab-ci.yaml",
    ".circleci/config.yml",
    "Jenkinsfile",
    "azure-pipelines.yml",
  ])("%s is one", (path) => expect(isCiFile(path)).toBe(true));

  test.each([
    "src/.github/workflows/x",
    ".github/ISSUE_TEMPLATE.md",
    "jenkinsfile.md",
    ".github/workflows2/x",
    "ci.yml",
  ])("%s is none", (path) => expect(isCiFile(path)).toBe(false));
});

describe("the text of a file", () => {
  test("is at most 1 MiB", () => {
    const said = (size: number) => TOOL_INPUTS.write.safeParse({ path: "a", content: "x".repeat(size) });
    expect(said(1024 * 1024).success).toBe(true);
    expect(said(1024 * 1024 + 1).error?.issues[0]?.message).toMatch(/1 MiB/);
  });
});
