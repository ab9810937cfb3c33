import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TOOLCHAINS } from "../../toolchains/registry";
import { readTree } from "../../workspaces/read-files";
import { jobRepository } from "./job-repository";
import { prepareFiles, workspaceFiles, workspaceText, worthReading } from "./workspace-files";

let dataDir: string;
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), "fabrica-files-"));
  Object.assign(process.env, {
    DATABASE_URL: "postgres://nobody@localhost/none",
    DATA_DIR: dataDir,
    FABRICA_AUTH_SECRET: "0123456789abcdef0123456789abcdef",
    FABRICA_RUNNER_TOKEN: "the registration token of this test",
  });
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const git = (dir: string, args: string[], input = "") =>
  execFileSync("git", ["-C", dir, ...args], {
    input,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
  }).trim();

/** A job's repository with one commit for each of `trees`, loose objects only. */
function repository(publicId: string, trees: Record<string, string>[]): { dir: string; commits: string[] } {
  const dir = jobRepository(publicId);
  mkdirSync(dir, { recursive: true });
  git(dir, ["init", "-q", "--bare", "."]);
  const commits = trees.map((files) => {
    const entries = Object.entries(files).map(
      ([path, text]) => `100644 blob ${git(dir, ["hash-object", "-w", "--stdin"], text)}\t${path}\n`,
    );
    const index = join(dir, "index-of-test");
    rmSync(index, { force: true });
    const env = { ...process.env, GIT_INDEX_FILE: index };
    execFileSync("git", ["-C", dir, "update-index", "--add", "--index-info"], {
      input: entries.join(""),
      env,
    });
    const tree = execFileSync("git", ["-C", dir, "write-tree"], { env, encoding: "utf8" }).trim();
    const who = ["-c", "user.name=Test", "-c", "user.email=test@test.invalid"];
    return git(dir, [...who, "commit-tree", "-m", "x", tree]);
  });
  return { dir, commits };
}

describe("the files of a job", () => {
  test("are those of its head, with the texts that toolchains look into", async () => {
    const { commits } = repository("job_a", [
      { "SPEC.md": "# Spec", "a.py": "x = 1", "tests/test_a.py": "import pytest", "web/package.json": "{}" },
    ]);
    const job = { publicId: "job_a", headCommit: commits[0] as string };
    const { paths, readText } = await workspaceFiles(job);
    expect(paths).toEqual(["SPEC.md", "a.py", "tests/test_a.py", "web/package.json"]);
    expect(paths.map(readText)).toEqual(["# Spec", null, "import pytest", "{}"]);
    expect(await workspaceText(job, "a.py")).toBe("x = 1");
    expect(await workspaceText(job, "b.py")).toBeNull();
    expect((await workspaceFiles({ ...job, headCommit: null })).paths).toEqual([]);
  });

  test("are read anew only where a commit changed them", async () => {
    const { dir, commits } = repository("job_b", [
      { "test_a.py": "same", "test_b.py": "one" },
      { "test_a.py": "same", "test_b.py": "two" },
    ]);
    const [first = "", second = ""] = commits;
    await workspaceFiles({ publicId: "job_b", headCommit: first });
    const listed = await readTree(dir, second);
    const same = listed.find((file) => file.path === "test_a.py")?.oid ?? "";
    rmSync(join(dir, "objects", same.slice(0, 2), same.slice(2)), { force: true });
    prepareFiles("job_b", second, first, listed);
    const { readText } = await workspaceFiles({ publicId: "job_b", headCommit: second });
    expect([readText("test_a.py"), readText("test_b.py")]).toEqual(["same", "two"]);
  });
});

describe("what is worth reading", () => {
  const listed = (paths: string[], size = 1_000) => paths.map((path) => ({ path, oid: path, size }));
  const sizes = (files: { size: number | null }[]) => files.reduce((sum, file) => sum + (file.size ?? 0), 0);

  test.each([10_000, 50_000])("is bounded in a tree of %d files that are all tests", (count) => {
    const tests = Array.from({ length: count }, (_, i) => `tests/d${i % 90}/test_${i}.py`);
    const read = worthReading(listed([...tests, "package.json", "SPEC.md"], 10_000));
    expect(read.length).toBeLessThanOrEqual(4_502);
    expect(sizes(read)).toBeLessThanOrEqual(24 * 1024 * 1024);
    expect(read.slice(0, 2).map((file) => file.path)).toEqual(["SPEC.md", "package.json"]);
  });

  test("is not what only has test in its name", () => {
    const paths = [
      "latest.txt",
      "tests/data.json",
      "contest/index.html",
      "node_modules/a/test/b.js",
      "docs/test.md",
    ];
    expect(worthReading(listed(paths))).toEqual([]);
    expect(worthReading(listed(["test_a.py"], 2 * 1024 * 1024))).toEqual([]);
  });

  test("is all that toolchains ask for", () => {
    const folders = ["", "test/", "tests/unit/", "__tests__/", "spec/", "src/", "src/test/deep/", "Test/"];
    const names = [
      "a.js",
      "a.test.ts",
      "b.spec.mjs",
      "test.js",
      "test-x.cjs",
      "x_test.js",
      "test_x.py",
      "x_test.py",
    ];
    const more = [
      "conftest.py",
      "package.json",
      "pyproject.toml",
      "setup.cfg",
      "pytest.ini",
      "x.tsx",
      "y.test.jsx",
    ];
    const paths = folders.flatMap((folder) => [...names, ...more].map((name) => folder + name));
    const read = new Set(worthReading(listed(paths)).map((file) => file.path));
    const asked = new Set<string>();
    const readText = (path: string) => {
      asked.add(path);
      return "";
    };
    for (const toolchain of Object.values(TOOLCHAINS)) {
      toolchain.test(paths, readText);
      toolchain.canary(paths, readText, "x");
    }
    expect(asked.size).toBeGreaterThan(20);
    expect([...asked].filter((path) => paths.includes(path) && !read.has(path))).toEqual([]);
  });
});
