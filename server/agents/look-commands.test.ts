import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ExecSpec, execSpec } from "../../runner/protocol";
import { readLinesCommand, readObservation, searchCommand, treeCommand } from "./look-commands";
import { OBSERVATION_CHARS } from "./tools";

let root: string;
let bin: string;
/** Folders for PATH by what they have to search with. Where ripgrep is not installed there is one less to try. */
const searchers = ["rg", "git"].filter((name) => whereIs(name) !== null);

function whereIs(name: string): string | null {
  const places = (process.env.PATH ?? "").split(":").map((place) => join(place, name));
  return places.find((place) => existsSync(place)) ?? null;
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fabrica-look-"));
  bin = join(root, "bin");
  for (const searcher of searchers) {
    mkdirSync(join(bin, searcher), { recursive: true });
    for (const name of ["sh", "awk", "tr", "sort", "find", searcher])
      symlinkSync(whereIs(name) as string, join(bin, searcher, name));
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function folder(files: Record<string, string | Buffer>): string {
  const place = mkdtempSync(join(root, "work-"));
  for (const dir of new Set(Object.keys(files).map((path) => dirname(path))))
    mkdirSync(join(place, dir), { recursive: true });
  for (const [path, content] of Object.entries(files)) writeFileSync(join(place, path), content);
  return place;
}

function run(place: string, spec: ExecSpec, path = join(bin, "git")) {
  const { argv } = execSpec.parse(spec);
  const [program = "", ...args] = argv;
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: place,
    env: { NODE_ENV: "test", PATH: path, HOME: root },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return { status, stdout, stderr, lines: stdout.split("\n").filter(Boolean) };
}

describe("reading", () => {
  const read = (place: string, path: string, start = 1, end?: number) => {
    const { status, stdout, stderr } = run(place, readLinesCommand(path, start, end));
    return status === 0 ? readObservation(start, stdout, stderr) : `failed: ${stderr}`;
  };
  const numbers = Array.from({ length: 1_000 }, (_, i) => `line ${i + 1}\n`).join("");

  test("a short file shows all of it, with numbers as cat -n writes them", () => {
    const place = folder({ a: "one\n\ttwo", "b=1 -rf '$x": "x\r\n", empty: "" });
    expect(read(place, "a")).toBe("     1\tone\n     2\t\ttwo");
    expect(read(place, "b=1 -rf '$x")).toBe("     1\tx");
    expect(read(place, "empty")).toBe("the file is empty");
  });

  test("a long one shows its first lines, how many there are, and how to go on", () => {
    const place = folder({ a: numbers });
    const first = read(place, "a");
    expect(first).toMatch(/^ {5}1\tline 1\n/);
    expect(first).toMatch(/\n {3}400\tline 400\n\[lines 1 to 400 of 1000; go on with start=401\]$/);
    expect(read(place, "a", 401)).toMatch(/^ {3}401\tline 401\n[\s\S]*go on with start=801\]$/);
    expect(read(place, "a", 999)).toBe("   999\tline 999\n  1000\tline 1000\n[lines 999 to 1000 of 1000]");
    expect(read(place, "a", 10, 11)).toBe(
      "    10\tline 10\n    11\tline 11\n[lines 10 to 11 of 1000; go on with start=12]",
    );
    expect(read(place, "a", 2_000)).toBe("there are only 1000 lines");
    expect(read(place, "a", 10, 5)).toBe("there are only 1000 lines");
  });

  test("is cut where a model would be shown no more, also within a line", () => {
    const place = folder({ wide: `${"x".repeat(100)}\n`.repeat(500), long: `${"ä".repeat(50_000)}\nend\n` });
    const wide = read(place, "wide");
    expect(wide.length).toBeLessThan(OBSERVATION_CHARS);
    expect(wide).toMatch(/\[lines 1 to 83 of 500; go on with start=84\]$/);
    const long = read(place, "long");
    expect(long.length).toBeLessThan(3_000);
    expect(long).toMatch(/ä+\W? \[\.\.\. 98000 more bytes of this line\]\n {5}2\tend$/);
  });

  test.each([
    ["numbers", "1 "],
    ["digits", "1"],
    ["blanks behind numbers", "1 1     "],
    ["lines", "\n"],
  ])(
    "what is told of it is looked through quickly, though it is full of %s",
    (_name, unit) => {
      const told = unit.repeat(1024 * 1024);
      expect(readObservation(1, "x\n", `${told}x`)).toBe("the file is empty");
      expect(readObservation(1, "x\n", `${told}\n1 1\n`)).toBe("x");
    },
    20_000,
  );

  test("what is no file is said so", () => {
    const place = folder({ "d/a": "" });
    expect(read(place, "d")).toBe("failed: d is a folder; tree shows what is in it\n");
    expect(read(place, "nowhere")).toBe("failed: there is no file nowhere\n");
  });
});

describe.each(searchers)("searching with %s", (searcher) => {
  const search = (place: string, input: Parameters<typeof searchCommand>[0], ignored: string[] = []) =>
    run(place, searchCommand(input, ignored), join(bin, searcher));

  test("answers file, line and text in the order of paths", () => {
    const place = folder({
      "src/b.ts": "no\nconst needle = 1; // a: b\n",
      "a b/ü'$(x).txt": "needle\n",
      "src/a.ts": "needle\nneedle",
      "bin.dat": Buffer.from("needle\0"),
      ".hidden/x": "needle",
    });
    expect(search(place, { pattern: "needle" }).lines).toEqual([
      ".hidden/x:1:needle",
      "a b/ü'$(x).txt:1:needle",
      "src/a.ts:1:needle",
      "src/a.ts:2:needle",
      "src/b.ts:2:const needle = 1; // a: b",
    ]);
    expect(search(place, { pattern: "needle", path: "src/b.ts" }).lines).toHaveLength(1);
    expect(search(place, { pattern: "needle", path: "src", glob: "a.*" }).lines).toHaveLength(2);
    expect(search(place, { pattern: "needle", glob: "*.ts" }).lines).toHaveLength(3);
    expect(search(place, { pattern: "needle", glob: "src/*b.ts" }).lines).toHaveLength(1);
    expect(search(place, { pattern: "needle", path: "src", glob: "a b/*" }).status).toBe(1);
    expect(search(place, { pattern: "(?i)CONST\\s+\\w+ = \\d" }).lines).toHaveLength(1);
    expect(search(place, { pattern: "-n" }).status).toBe(1);
  });

  test("leaves out what is ignored, unless it is asked for", () => {
    const files = {
      ".gitignore": "/build/\n",
      "node_modules/x/i.js": "needle",
      "a/node_modules/y.js": "needle",
      "build/o.js": "needle",
      "gen/g.ts": "needle",
      "a/gen/g.ts": "needle",
      "docs/api/x.md": "needle",
      "src/a.js": "needle",
    };
    const place = folder(files);
    const found = (input: object, ignored: string[] = []) =>
      search(place, { pattern: "needle", ...input }, ignored).lines.map((line) => line.split(":")[0]);
    expect(found({})).toEqual(["a/gen/g.ts", "docs/api/x.md", "gen/g.ts", "src/a.js"]);
    expect(found({}, ["/gen/", "docs/api"])).toEqual(["a/gen/g.ts", "src/a.js"]);
    expect(found({}, ["gen/", "*.md"])).toEqual(["src/a.js"]);
    expect(found({ path: "node_modules" })).toEqual(["node_modules/x/i.js"]);
    expect(found({ path: "node_modules/x" })).toEqual(["node_modules/x/i.js"]);
  });

  test("says what it leaves out, and stays short", () => {
    const place = folder({
      ...Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`many/f${i}.js`, "needle\n".repeat(3)])),
      "a/one.js": "needle\n".repeat(100),
      "a/wide.js": `needle${"x".repeat(100_000)}\n`,
    });
    const { stdout, lines, status } = search(place, { pattern: "needle" });
    expect(status).toBe(0);
    expect(stdout.length).toBeLessThan(OBSERVATION_CHARS);
    expect(lines.filter((line) => /^a\/one\.js:\d/.test(line))).toHaveLength(20);
    expect(lines).toContain("a/one.js: 80 more matching lines");
    expect(lines.find((line) => line.startsWith("a/wide.js"))?.length).toBeLessThan(350);
    expect(lines.at(-1)).toMatch(
      /^\[1601 matching lines in 502 files; 200 lines of \d+ files are shown\. Narrow/,
    );
  });

  test("stays short where names are long", () => {
    const name = (i: number) => `once/${"n".repeat(60)}${i}.js`;
    const place = folder(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [name(i), "needle\n"])));
    const { stdout, lines } = search(place, { pattern: "needle" });
    expect(stdout.length).toBeGreaterThan(8_000);
    expect(stdout.length).toBeLessThan(OBSERVATION_CHARS - 500);
    expect(lines.at(-2)).toMatch(/^once\/n+\d+\.js: 1 matching line$/);
  });

  test("tells nothing found from what is wrong", () => {
    const place = folder({ a: "x" });
    expect(search(place, { pattern: "needle" })).toMatchObject({ status: 1, stdout: "", stderr: "" });
    const wrong = search(place, { pattern: "foo(" });
    expect(wrong.status).toBeGreaterThan(1);
    expect(wrong.stderr).not.toBe("");
    expect(search(place, { pattern: "x", path: "nowhere" })).toMatchObject({
      status: 2,
      stderr: "there is no nowhere\n",
    });
    expect(search(folder({}), { pattern: "x" }).status).toBe(1);
  });
});

describe("an outline", () => {
  const tree = (place: string, input: Parameters<typeof treeCommand>[0] = {}, ignored: string[] = []) =>
    run(place, treeCommand(input, ignored));

  test("of a small tree shows every file with its size", () => {
    const place = folder({
      "README.md": "x".repeat(2_048),
      "src/a.ts": "12345",
      "src/deep/er/b.ts": "",
      "a b/'$(x)\nü": "1",
      "node_modules/x/y.js": "1",
    });
    expect(tree(place).lines).toEqual([
      ".: 4 files in 4 folders, 2.0 KiB",
      "README.md  2.0 KiB",
      "a b/  1 file, 1 B",
      "  '$(x)?ü  1 B",
      "node_modules/  not looked into",
      "src/  2 files, 5 B",
      "  a.ts  5 B",
      "  deep/  1 file, 0 B",
      "    er/  1 file, 0 B",
      "      b.ts  0 B",
    ]);
    expect(tree(place, { path: "src", depth: 1 }).lines).toEqual([
      "src: 2 files in 2 folders, 5 B; shown to depth 1 of 3",
      "a.ts  5 B",
      "deep/  1 file, 0 B",
    ]);
    expect(tree(place, { path: "node_modules" }).lines[0]).toBe("node_modules: 1 file in 1 folder, 1 B");
    expect(tree(place, {}, ["src/deep/", "*.md"]).stdout).toMatch(
      /README.md\/ {2}not looked into[\s\S]*deep\/ {2}not/,
    );
    expect(tree(folder({})).lines).toEqual([".: 0 files in 0 folders, 0 B"]);
    expect(tree(place, { path: "README.md" })).toMatchObject({
      status: 1,
      stderr: "there is no folder README.md\n",
    });
  });

  /** So many files are not made here: a `find` that prints the list of them stands at the front of PATH. */
  function listed(paths: readonly string[]): string {
    const place = folder({ list: paths.map((path) => `0\t${path}\0`).join("") });
    const find = join(place, "find");
    writeFileSync(find, `#!/bin/sh\nexec cat ${join(place, "list")}\n`, { mode: 0o755 });
    return `${place}:${join(bin, "git")}:${dirname(whereIs("cat") as string)}`;
  }

  test.each([10_000, 50_000])("of %d files stays short, and says what is left out", (count) => {
    const flat = Array.from({ length: 500 }, (_, i) => `flat/f${i}`);
    const deep = Array.from({ length: count - 500 }, (_, i) => `packages/p${i % 50}/src/m${i % 7}/f${i}.ts`);
    const path = listed([...flat, ...deep]);
    const { stdout, lines } = run(root, treeCommand({}), path);
    expect(stdout.length).toBeLessThan(OBSERVATION_CHARS);
    expect(lines[0]).toBe(`.: ${count} files in 452 folders, 0 B; shown to depth 3 of 5`);
    expect(lines).toContain("  [470 more files in this folder]");
    expect(lines).toContain(`  p49/  ${(count - 500) / 50} files, 0 B`);
    const whole = run(root, treeCommand({ depth: 20 }), path);
    expect(whole.stdout.length).toBeLessThan(OBSERVATION_CHARS);
    expect(whole.lines.at(-1)).toMatch(/^\[\d+ more lines left out/);
  });
});
