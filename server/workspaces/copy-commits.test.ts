import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { copyCommits } from "./copy-commits";
import { GitError, git } from "./git";
import { importBundle } from "./import-bundle";
import { QUARANTINE } from "./quarantine";
import { log, readTree } from "./read-files";
import { createRepository } from "./repository";
import { SandboxRepository, streamOf } from "./sandbox-repository.fixture";

let folder: string;
let from: string;
let to: string;
let sandbox: SandboxRepository;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-copy-"));
  from = join(folder, "from.git");
  to = join(folder, "to.git");
  await createRepository(from);
  await createRepository(to);
  sandbox = new SandboxRepository();
});
afterEach(() => {
  sandbox.remove();
  rmSync(folder, { recursive: true, force: true });
});

let base: string | null = null;
async function commit(path: string, content: string, parent: string | null): Promise<string> {
  sandbox.write(path, content);
  const own = sandbox.commit();
  if (parent === null) base = null;
  const bundle = streamOf(sandbox.bundle(base));
  base = own;
  return (await importBundle(from, bundle, { parent, message: path, at: new Date(1e12) })).commit;
}

const names = async (commit: string) => (await readTree(to, commit)).map(({ path }) => path);

test("a commit arrives with its history and files, and a second time changes nothing", async () => {
  const first = await commit("a.txt", "one\n", null);
  const second = await commit("b.txt", "two\n", first);
  await copyCommits({ from, to, commit: second, without: null });
  expect(await names(second)).toEqual(["a.txt", "b.txt"]);
  expect((await log(to, second)).map((entry) => entry.commit)).toEqual([second, first]);
  const packs = () => readdirSync(join(to, "objects", "pack")).sort();
  const before = packs();
  await copyCommits({ from, to, commit: second, without: null });
  expect(packs()).toEqual(before);
});

test("only what is new travels when both have the beginning", async () => {
  const first = await commit("a.txt", "one\n", null);
  await copyCommits({ from, to, commit: first, without: null });
  const second = await commit("b.txt", "two\n", first);
  await copyCommits({ from, to, commit: second, without: first });
  expect((await log(to, second)).map((entry) => entry.commit)).toEqual([second, first]);
  const counted = (await git(["count-objects", "-v"], { dir: to })).toString("utf8");
  // A commit, a tree and a file each time.
  expect(counted).toContain("in-pack: 6");
});

test("files that break a rule stay outside", async () => {
  const blob = (await git(["hash-object", "-w", "--stdin"], { dir: from, input: "/etc/passwd" }))
    .toString("utf8")
    .trim();
  const tree = (await git(["mktree"], { dir: from, input: `120000 blob ${blob}\tlink\n` }))
    .toString("utf8")
    .trim();
  const who = {
    GIT_AUTHOR_NAME: "x",
    GIT_AUTHOR_EMAIL: "x@y",
    GIT_COMMITTER_NAME: "x",
    GIT_COMMITTER_EMAIL: "x@y",
  };
  const bad = (await git(["commit-tree", "-m", "link", tree], { dir: from, env: who }))
    .toString("utf8")
    .trim();
  await expect(copyCommits({ from, to, commit: bad, without: null })).rejects.toThrow("symbolic link");
  await expect(git(["cat-file", "-e", bad], { dir: to })).rejects.toBeInstanceOf(GitError);
  expect(readdirSync(to).filter((name) => name.startsWith(QUARANTINE))).toEqual([]);
});

test("what is missing is an error, and nothing is left behind", async () => {
  const first = await commit("a.txt", "one\n", null);
  const second = await commit("b.txt", "two\n", first);
  // The receiver has not got what it is said to have.
  await expect(copyCommits({ from, to, commit: second, without: first })).rejects.toBeInstanceOf(GitError);
  await expect(copyCommits({ from, to, commit: "0".repeat(40), without: null })).rejects.toBeInstanceOf(
    GitError,
  );
  expect(existsSync(join(to, "objects", "pack"))).toBe(true);
  expect(readdirSync(join(to, "objects", "pack"))).toEqual([]);
});
