import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { git } from "./git";
import { type ImportLimits, importBundle } from "./import-bundle";
import { readBlob, readTree } from "./read-files";
import { WorkspaceRefused } from "./refusal";
import { createRepository, exportBundle } from "./repository";
import { SandboxRepository, streamOf } from "./sandbox-repository.fixture";

let root: string;
let dir: string;
let sandbox: SandboxRepository;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fabrica-workspaces-"));
  dir = join(root, "job.git");
  sandbox = new SandboxRepository();
  await createRepository(dir);
});

afterEach(async () => {
  sandbox.remove();
  await rm(root, { recursive: true, force: true });
});

const take = (bytes: Buffer, parent: string | null = null, limits: Partial<ImportLimits> = {}) =>
  importBundle(dir, streamOf(bytes), { parent, message: "Turn", limits });

/** The text of the refusal; also proves that nothing was kept. */
async function refusal(bytes: Buffer, limits: Partial<ImportLimits> = {}): Promise<string> {
  const error = await take(bytes, null, limits).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(WorkspaceRefused);
  expect((await readdir(dir)).filter((name) => name.startsWith("incoming-"))).toEqual([]);
  const objects = await git(["count-objects", "-v"], { dir });
  expect(objects.toString()).toMatch(/count: 0\n(.*\n)*in-pack: 0\n/);
  return (error as WorkspaceRefused).message;
}

/** A bundle whose tip has exactly these entries at its root. */
function hostile(...entries: { mode?: string; name: string | Buffer; oid?: string }[]): Buffer {
  const blob = sandbox.blob("x");
  sandbox.commitTree(sandbox.tree(entries.map((entry) => ({ mode: "100644", oid: blob, ...entry }))));
  return sandbox.rawBundle();
}

describe("a sandbox's work", () => {
  it("becomes a commit of ours with the sandbox's tree", async () => {
    sandbox.write("src/main.py", "print('olá')\n");
    sandbox.commit();
    const taken = await importBundle(dir, streamOf(sandbox.bundle()), {
      parent: null,
      message: "First turn",
      author: { name: "Coder", email: "coder@localhost" },
      at: new Date("2026-01-02T03:04:05Z"),
    });
    expect(taken.unchanged).toBe(false);
    expect(taken.tree).toBe(sandbox.git(["rev-parse", "HEAD^{tree}"]).toString().trim());
    const commit = (await git(["cat-file", "commit", taken.commit], { dir })).toString();
    expect(commit).toContain("author Coder <coder@localhost> 1767323045 +0000");
    await git(["fsck", "--strict", "--no-dangling"], { dir });
    expect(commit).not.toContain("parent");
    expect((await readTree(dir, taken.commit)).map((file) => file.path)).toEqual(["src/main.py"]);
  });

  it("may follow the sandbox's own commits in thin bundles", async () => {
    sandbox.write("a.txt", "line\n".repeat(2000));
    const first = sandbox.commit();
    const one = await take(sandbox.bundle());
    sandbox.write("a.txt", `${"line\n".repeat(2000)}more\n`);
    sandbox.commit();
    const two = await take(sandbox.bundle(first), one.commit);
    expect((await git(["rev-parse", `${two.commit}^`], { dir })).toString().trim()).toBe(one.commit);
    expect((await readBlob(dir, two.commit, "a.txt", 20_000))?.bytes.toString()).toMatch(/more\n$/);
    await git(["fsck", "--strict", "--connectivity-only", two.commit], { dir });
  });

  it("goes on in a fresh sandbox that was restored from a commit of ours", async () => {
    sandbox.write("a.txt", "line\n".repeat(2000));
    sandbox.commit();
    const one = await take(sandbox.bundle());
    const file = join(root, "out.bundle");
    await writeFile(file, await exportBundle(dir, one.commit));
    const successor = new SandboxRepository();
    try {
      successor.restore(file);
      expect(successor.head()).toBe(one.commit);
      successor.write("b.txt", "two");
      successor.write("a.txt", `${"line\n".repeat(2000)}end\n`);
      successor.commit();
      const two = await take(successor.bundle(one.commit), one.commit);
      expect((await readTree(dir, two.commit)).map((entry) => entry.path)).toEqual(["a.txt", "b.txt"]);
    } finally {
      successor.remove();
    }
  });

  it("without a change is the parent itself, and its commits are known afterwards", async () => {
    sandbox.write("a.txt", "one");
    const first = sandbox.commit();
    const one = await take(sandbox.bundle());
    const empty = sandbox.commit();
    const same = await take(sandbox.bundle(first), one.commit);
    expect(same).toMatchObject({ commit: one.commit, tree: one.tree, unchanged: true });
    sandbox.write("b.txt", "two");
    sandbox.commit();
    expect((await take(sandbox.bundle(empty), same.commit)).unchanged).toBe(false);
  });

  it("may be empty at first", async () => {
    sandbox.commit();
    const taken = await take(sandbox.bundle());
    expect(await readTree(dir, taken.commit)).toEqual([]);
  });

  it("may be the same bundle twice", async () => {
    sandbox.write("a.txt", "one");
    sandbox.commit();
    const one = await take(sandbox.bundle());
    expect((await take(sandbox.bundle(), one.commit)).unchanged).toBe(true);
  });

  it("sweeps away what a killed import left", async () => {
    const left = await mkdtemp(join(dir, "incoming-"));
    await utimes(left, new Date(0), new Date(0));
    sandbox.commit();
    await take(sandbox.bundle());
    expect((await readdir(dir)).filter((name) => name.startsWith("incoming-"))).toEqual([]);
  });
});

describe("refused uploads", () => {
  it.each([
    ["nothing", "", /ends within its header/],
    ["garbage", "\u0000\u0001garbage", /not a version 2 git bundle/],
    ["version 3", "# v3 git bundle\n@object-format=sha1\n\n", /not a version 2/],
    ["no ref", "# v2 git bundle\n\n", /must name one ref/],
    ["an unfinished header", `# v2 git bundle\n${"a".repeat(40)} HEAD\n`, /ends within its header/],
    ["an endless header", `# v2 git bundle\n${"a".repeat(20_000)}`, /too long/],
    ["too many lines", `# v2 git bundle\n${`-${"a".repeat(40)} x\n`.repeat(20)}\n`, /too many lines/],
    ["an odd line", "# v2 git bundle\nhello\n\n", /means nothing/],
    ["a ref with a space", `# v2 git bundle\n${"a".repeat(40)} HE AD\n\n`, /means nothing/],
    ["several refs", `# v2 git bundle\n${`${"a".repeat(40)} HEAD\n`.repeat(2)}\n`, /names 2/],
    ["a header without a pack", `# v2 git bundle\n${"a".repeat(40)} HEAD\n\n`, /damaged/],
    [
      "a pack of garbage",
      `# v2 git bundle\n${"a".repeat(40)} HEAD\n\nPACK nonsense nonsense nonsense`,
      /damaged/,
    ],
  ])("%s", async (_name, text, reason) => {
    expect(await refusal(Buffer.from(text))).toMatch(reason);
  });

  it("a truncated pack, a flipped bit", async () => {
    sandbox.write("a.txt", "one");
    sandbox.commit();
    const bytes = sandbox.bundle();
    expect(await refusal(bytes.subarray(0, bytes.length - 25))).toMatch(/damaged/);
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(bytes.length - 60) ^ 1, bytes.length - 60);
    expect(await refusal(flipped)).toMatch(/damaged/);
  });

  it("a real bundle with two refs", async () => {
    sandbox.commit();
    sandbox.git(["branch", "other"]);
    const bytes = sandbox.git(["bundle", "create", "--quiet", "-", "main", "other"]);
    expect(await refusal(bytes)).toMatch(/names 2/);
  });

  it("a tag instead of a commit", async () => {
    sandbox.commit();
    sandbox.git(["tag", "-a", "v1", "-m", "x"]);
    expect(await refusal(sandbox.git(["bundle", "create", "--quiet", "-", "v1"]))).toMatch(
      /not name a commit/,
    );
  });

  it("a tip that the pack does not hold", async () => {
    sandbox.commit();
    const bytes = sandbox.bundle();
    const text = bytes.toString("latin1").replace(sandbox.head(), "b".repeat(40));
    expect(await refusal(Buffer.from(text, "latin1"))).toMatch(/not name a commit|builds on|damaged/);
  });

  it("a prerequisite that is not known", async () => {
    sandbox.write("a.txt", "one");
    const first = sandbox.commit();
    sandbox.write("b.txt", "two");
    sandbox.commit();
    expect(await refusal(sandbox.bundle(first))).toMatch(/damaged|not known here/);
  });

  it("more bytes than allowed", async () => {
    sandbox.write("a.txt", randomBytes(50_000));
    sandbox.commit();
    expect(await refusal(sandbox.bundle(), { bundleBytes: 1000 })).toMatch(/larger than 1000 bytes/);
  });

  it("a stream that fails on the way", async () => {
    sandbox.commit();
    const bytes = sandbox.bundle();
    async function* broken() {
      yield bytes.subarray(0, 50);
      throw new Error("connection lost");
    }
    await expect(importBundle(dir, broken(), { parent: null, message: "x" })).rejects.toThrow(
      "connection lost",
    );
    expect((await readdir(dir)).filter((name) => name.startsWith("incoming-"))).toEqual([]);
  });
});

describe("refused files", () => {
  it("a symbolic link", async () => {
    expect(await refusal(hostile({ mode: "120000", name: "link", oid: sandbox.blob("/etc/passwd") }))).toBe(
      '"link" is a symbolic link; only regular files are kept.',
    );
  });

  it("a submodule", async () => {
    expect(await refusal(hostile({ mode: "160000", name: "inner", oid: "c".repeat(40) }))).toMatch(
      /git repository of its own/,
    );
  });

  it.each([".git", ".GIT", ".git ", "git~1", ".g\u200cit", ".git::$INDEX_ALLOCATION"])(
    "a folder %j",
    async (name) => {
      const hooks = sandbox.tree([{ mode: "100755", name: "pre-commit", oid: sandbox.blob("#!/bin/sh") }]);
      expect(await refusal(hostile({ mode: "40000", name, oid: hooks }))).toMatch(/\.git|invisible/);
    },
  );

  it.each(["..", ".", "", "/etc/passwd", "a/b"])("a name %j", async (name) => {
    const inner = sandbox.tree([{ mode: "100644", name: "x", oid: sandbox.blob("x") }]);
    expect(await refusal(hostile({ mode: "40000", name, oid: inner }))).toMatch(
      /not allowed|damaged|leads out/,
    );
  });

  it.each(["a\nb", "a\u001b[31m", "a\u202eb", "a\u200bb", "a\u007f"])(
    "a name with unseen characters %j",
    async (name) => {
      const text = await refusal(hostile({ name }));
      expect(text).toMatch(/control or invisible/);
      expect(text).not.toMatch(/[\u0000-\u001f\u007f\u202e\u200b]/);
    },
  );

  it("names that are not UTF-8, have backslashes, or are endless", async () => {
    expect(await refusal(hostile({ name: Buffer.from([0x61, 0xff]) }))).toMatch(/not valid UTF-8/);
    expect(await refusal(hostile({ name: "a\\b" }))).toMatch(/backslash/);
    expect(await refusal(hostile({ name: "x".repeat(300) }))).toMatch(/longer than 255 bytes/);
    expect(await refusal(hostile({ name: "x".repeat(5000) }))).toMatch(/longer than 1000 bytes/);
    expect((await refusal(hostile({ name: "x".repeat(100_000) }))).length).toBeLessThan(500);
  });

  it("names that differ only in case or in their Unicode form", async () => {
    expect(await refusal(hostile({ name: "README" }, { name: "readme" }))).toMatch(
      /only in upper and lower case/,
    );
    expect(await refusal(hostile({ name: "cafe\u0301" }, { name: "caf\u00e9" }))).toMatch(/only in upper/);
    const inner = sandbox.tree([{ mode: "100644", name: "x", oid: sandbox.blob("x") }]);
    const folders = hostile(
      { mode: "40000", name: "Src", oid: inner },
      { mode: "40000", name: "src", oid: inner },
    );
    expect(await refusal(folders)).toMatch(/"src" and "Src"/);
  });

  it("too many, too large, too large together", async () => {
    const many = Array.from({ length: 50 }, (_, index) => ({ name: `f${String(index).padStart(3, "0")}` }));
    expect(await refusal(hostile(...many), { entries: 50 })).toMatch(/fewer than 50 files/);
    const large = sandbox.blob(Buffer.alloc(2_000_000));
    expect(await refusal(hostile({ name: "a", oid: large }), { fileBytes: 1024 * 1024 })).toMatch(
      /"a" is larger than 1 MiB/,
    );
    const both = hostile({ name: "a", oid: large }, { name: "b", oid: large });
    expect(await refusal(both, { totalBytes: 3 * 1024 * 1024 })).toMatch(/larger than 3 MiB/);
  });

  it("a bomb of nested folders without a file, at once", async () => {
    let tree = sandbox.tree([]);
    for (let depth = 0; depth < 12; depth += 1) {
      const oid = tree;
      tree = sandbox.tree(
        Array.from({ length: 10 }, (_, index) => ({ mode: "40000", name: `d${index}`, oid })),
      );
    }
    sandbox.commitTree(tree);
    expect(await refusal(sandbox.bundle())).toMatch(/fewer than 10000/);
  });

  it("a zip bomb, without unpacking it into memory", async () => {
    const zeros = sandbox.blob(Buffer.alloc(120 * 1024 * 1024));
    expect(await refusal(hostile({ name: "zeros", oid: zeros }))).toMatch(/larger than 20 MiB/);
  });

  it("names everything that is wrong, up to a dozen", async () => {
    const links = Array.from({ length: 30 }, (_, index) => ({ mode: "120000", name: `link${index + 10}` }));
    const text = await refusal(hostile(...links));
    expect(text.match(/symbolic link/g)).toHaveLength(10);
  });
});
