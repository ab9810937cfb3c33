import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { commitFile } from "./commit-file";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fabrica-commit-file-"));
  execFileSync("git", ["init", "-q", "--bare", dir]);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const git = (...args: string[]) => execFileSync("git", ["-C", dir, ...args], { encoding: "utf8" });
const files = (commit: string) => git("ls-tree", "-r", "--name-only", commit).trim().split("\n");

test("a file is laid into an empty tree, beside others, and into a folder", async () => {
  const first = await commitFile(dir, { parent: null, path: "SPEC.md", text: "one\n", message: "Plan" });
  expect(files(first)).toEqual(["SPEC.md"]);
  const second = await commitFile(dir, {
    parent: first,
    path: ".fabrica/SPEC.md",
    text: "two",
    message: "x",
  });
  const third = await commitFile(dir, { parent: second, path: ".fabrica/other.md", text: "", message: "x" });
  expect(files(third)).toEqual([".fabrica/SPEC.md", ".fabrica/other.md", "SPEC.md"]);
  expect(git("show", `${third}:.fabrica/SPEC.md`)).toBe("two");
  expect(git("log", "--format=%s", third).trim().split("\n")).toEqual(["x", "x", "Plan"]);
  const again = await commitFile(dir, { parent: third, path: "SPEC.md", text: "new", message: "x" });
  expect(git("show", `${again}:SPEC.md`)).toBe("new");
  expect(files(again)).toEqual(files(third));
});
