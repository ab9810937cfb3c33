import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ChangeFixture } from "@/tests/support/change-fixture";
import { git } from "../workspaces/git";
import { importBundle } from "../workspaces/import-bundle";
import { WorkspaceRefused } from "../workspaces/refusal";
import { createRepository } from "../workspaces/repository";
import { SandboxRepository, streamOf } from "../workspaces/sandbox-repository.fixture";
import { TargetExists, writeTree } from "./write-tree";

let root: string;
let dir: string;
let sandbox: SandboxRepository;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fabrica-delivery-"));
  dir = join(root, "job.git");
  sandbox = new SandboxRepository();
  await createRepository(dir);
});

afterEach(async () => {
  sandbox.remove();
  await rm(root, { recursive: true, force: true });
});

/** Puts a commit into the job's repository past all checks, as a fault of ours would. */
async function smuggle(tree: string): Promise<string> {
  const commit = sandbox.commitTree(tree);
  const path = join(root, "smuggled.pack");
  await writeFile(path, sandbox.git(["pack-objects", "--all", "--stdout", "-q"]));
  await git(["unpack-objects", "-q"], { dir, inputFile: path });
  return commit;
}

it("writes all files with their content and mode", async () => {
  sandbox.write("a/b/c.txt", "deep");
  sandbox.write("empty", "");
  sandbox.write("large.bin", Buffer.alloc(3_000_000, 7));
  for (let index = 0; index < 300; index += 1) sandbox.write(`many/${index}.txt`, `${index}\n`.repeat(index));
  sandbox.write("run.sh", "#!/bin/sh\n", 0o755);
  sandbox.commit();
  const { commit } = await importBundle(dir, streamOf(sandbox.bundle()), { parent: null, message: "x" });
  const target = join(root, "projects", "job");
  const written = await writeTree(dir, commit, target);
  expect(written.files).toBe(304);
  expect(await readFile(join(target, "a/b/c.txt"), "utf8")).toBe("deep");
  expect(await readFile(join(target, "many/299.txt"), "utf8")).toBe("299\n".repeat(299));
  expect((await readFile(join(target, "large.bin"))).equals(Buffer.alloc(3_000_000, 7))).toBe(true);
  expect((await stat(join(target, "empty"))).size).toBe(0);
  expect((await stat(join(target, "run.sh"))).mode & 0o111).toBe(0o111);
  expect(await readdir(join(root, "projects"))).toEqual(["job"]);
});

it("writes an empty tree as an empty folder", async () => {
  sandbox.commit();
  const { commit } = await importBundle(dir, streamOf(sandbox.bundle()), { parent: null, message: "x" });
  expect(await writeTree(dir, commit, join(root, "out"))).toEqual({ files: 0, bytes: 0 });
  expect(await readdir(join(root, "out"))).toEqual([]);
});

it("refuses a target where something is, a dangling link included", async () => {
  sandbox.commit();
  const { commit } = await importBundle(dir, streamOf(sandbox.bundle()), { parent: null, message: "x" });
  await mkdir(join(root, "folder"));
  await symlink("/nowhere", join(root, "link"));
  await expect(writeTree(dir, commit, join(root, "folder"))).rejects.toThrow(TargetExists);
  await expect(writeTree(dir, commit, join(root, "link"))).rejects.toThrow(TargetExists);
});

it("refuses links and submodules even when they got into the repository", async () => {
  const link = { mode: "120000", name: "link", oid: sandbox.blob("/etc") };
  const linked = await smuggle(sandbox.tree([link]));
  await expect(writeTree(dir, linked, join(root, "out"))).rejects.toThrow(WorkspaceRefused);
  const inner = await smuggle(sandbox.tree([{ mode: "160000", name: "inner", oid: "c".repeat(40) }]));
  await expect(writeTree(dir, inner, join(root, "out"))).rejects.toThrow(WorkspaceRefused);
  expect((await readdir(root)).filter((name) => name.includes("out"))).toEqual([]);
});

it("leaves out the links and submodules that a repository has, which are for git only", async () => {
  const change = await ChangeFixture.start({ "a.txt": "kept\n" });
  try {
    const link = change.upstream.blob("/etc/passwd");
    change.upstream.commitEntries(`120000 ${link}\tlink\0` + `160000 ${"c".repeat(40)}\tvendor/lib\0`);
    const { root: base } = await change.begin();
    const target = join(root, "projects", "job");
    expect((await writeTree(change.dir, base, target)).files).toBe(1);
    expect(await readdir(target)).toEqual(["a.txt"]);
  } finally {
    await change.stop();
  }
});
