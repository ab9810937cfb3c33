import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { editTree } from "./edit-tree";
import { git } from "./git";
import { keepHeldBack, readHeldBack } from "./held-back";
import { historyText } from "./history-text";
import { importBundle } from "./import-bundle";
import { readTree } from "./read-files";
import { createRepository } from "./repository";
import { SandboxRepository, streamOf } from "./sandbox-repository.fixture";

let root: string;
let dir: string;
let held: string;
let sandbox: SandboxRepository;
let commit: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fabrica-held-"));
  dir = join(root, "job.git");
  held = join(root, "held.git");
  await createRepository(dir);
  sandbox = new SandboxRepository();
  sandbox.write("tests/seen.test.js", "seen\n");
  sandbox.write("tests/secret é.test.js", "secret\n");
  sandbox.write("run.sh", "#!/bin/sh\n", 0o755);
  sandbox.commit();
  ({ commit } = await importBundle(dir, streamOf(sandbox.bundle()), { parent: null, message: "Tests" }));
});
afterEach(async () => {
  sandbox.remove();
  await rm(root, { recursive: true, force: true });
});

const filesAt = async (paths: string[]) =>
  (await readTree(dir, commit)).filter(({ path }) => paths.includes(path));

describe("tests that are held back", () => {
  it("are read back as they were, of their own run only", async () => {
    const files = await filesAt(["tests/secret é.test.js"]);
    const kept = await keepHeldBack(held, { from: dir, commit, files, run: 2, name: "task-1" });
    expect(await readHeldBack(held, 2)).toEqual([{ path: "tests/secret é.test.js", text: "secret\n" }]);
    expect(await readHeldBack(held, 1)).toEqual([]);
    expect(await keepHeldBack(held, { from: dir, commit, files, run: 2, name: "task-1" })).toBe(kept);
  });

  it("of several tasks are there together, and of a job without any there are none", async () => {
    for (const [name, path] of [
      ["task-1", "tests/secret é.test.js"],
      ["task-2", "tests/seen.test.js"],
    ] as const)
      await keepHeldBack(held, { from: dir, commit, files: await filesAt([path]), run: 1, name });
    expect((await readHeldBack(held, 1)).map(({ path }) => path)).toEqual([
      "tests/secret é.test.js",
      "tests/seen.test.js",
    ]);
    expect(await readHeldBack(join(root, "none.git"), 1)).toEqual([]);
  });
});

describe("an edited tree", () => {
  it("has what was asked for and keeps the rest, modes included", async () => {
    const [seen] = await filesAt(["tests/seen.test.js"]);
    const tree = await editTree(dir, commit, [
      ["tests/secret é.test.js", null],
      ["copy.txt", { mode: "100644", oid: seen?.oid ?? "" }],
    ]);
    const out = (await git(["ls-tree", "-r", tree], { dir })).toString("utf8");
    expect(out.split("\n").map((line) => line.replace(/ blob [0-9a-f]{40}/, ""))).toEqual([
      "100644\tcopy.txt",
      "100755\trun.sh",
      "100644\ttests/seen.test.js",
      "",
    ]);
  });

  it("is the same one without edits", async () => {
    const same = (await git(["rev-parse", `${commit}^{tree}`], { dir })).toString("utf8").trim();
    expect(await editTree(dir, commit, [])).toBe(same);
    expect(await editTree(dir, commit, [["nowhere.txt", null]])).toBe(same);
  });
});

describe("the history as text", () => {
  it("names commits and their files, and is cut at its limit", async () => {
    const text = await historyText(dir, { from: [], to: commit, maxChars: 10_000 });
    expect(text).toMatch(/^[0-9a-f]{7} Tests\n/);
    expect(text).toContain("tests/seen.test.js");
    expect(text).toContain("3 files changed");
    expect(await historyText(dir, { from: [commit], to: commit, maxChars: 100 })).toBe("");
    expect((await historyText(dir, { from: [], to: commit, maxChars: 40 })).length).toBeLessThan(45);
  });
});
