import { describe, expect, test } from "vitest";
import { HeldFiles, lockPath, lockPaths } from "./held-files";

const held = new HeldFiles([
  { path: "src/a.ts", root: 1n, holder: "A" },
  { path: "src/deep/in/b.ts", root: 2n, holder: "B" },
  { path: "docs/", root: 3n, holder: "C" },
]);
const names = (path: string, root = 9n) =>
  held
    .conflictsAt(root, path)
    .map(({ holder }) => holder)
    .sort();

describe("a path is in the way of", () => {
  test.each([
    ["src/a.ts", ["A"]],
    ["src/a.tsx", []],
    ["src/A.ts", []],
    ["src/", ["A", "B"]],
    ["src", ["A", "B"]],
    ["sr", []],
    ["src/deep/in", ["B"]],
    ["src/deep/in/b.ts/c", ["B"]],
    ["docs/guide/one.md", ["C"]],
    ["docs", ["C"]],
    ["docs2/one.md", []],
    ["./", ["A", "B", "C"]],
  ])("%s: %j", (path, holders) => expect(names(path)).toEqual(holders));

  test("nothing of its own job", () => {
    expect(names("src/a.ts", 1n)).toEqual([]);
    expect(names("src/", 1n)).toEqual(["B"]);
    expect(held.conflictOf(1n, ["src/a.ts", "src/"])).toMatchObject({ holder: "B" });
  });

  test("everything, when the whole repository is held", () => {
    const all = new HeldFiles([{ path: "./", root: 1n, holder: "A" }]);
    for (const path of ["x", "a/b/c", "a/", "./"])
      expect(all.conflictOf(2n, [path])).toMatchObject({ holder: "A" });
    expect(all.conflictOf(1n, ["x"])).toBeNull();
  });
});

describe("a path of a lock", () => {
  test.each([
    ["src/a.ts", "src/a.ts"],
    ["./src//a.ts", "src/a.ts"],
    ["src/", "src/"],
    ["src/.", "src/"],
    [".", "./"],
    ["./", "./"],
    ["", "./"],
    [".github/x", ".github/x"],
    ["a\u0000b\ud800", "a␀b\ufffd"],
  ])("%j is stored as %j", (given, stored) => expect(lockPath(given)).toBe(stored));

  test("that is too long to be stored is held by a folder above it", () => {
    expect(lockPath(`src/${"é".repeat(600)}/${"é".repeat(600)}`)).toBe(`src/${"é".repeat(600)}/`);
    expect(lockPath("x".repeat(3_000))).toBe("./");
  });

  test("is there once", () => expect(lockPaths(["a", "./a", "a/"])).toEqual(["a", "a/"]));
});
