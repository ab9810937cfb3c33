import { rename } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ChangeFixture } from "@/tests/support/change-fixture";
import { beginFromMirror } from "./change-base";
import { git } from "./git";
import { readTree } from "./read-files";
import { WorkspaceRefused } from "./refusal";
import { RemoteFault } from "./remote-fault";
import { exportBundle } from "./repository";
import { BASE_LIMITS } from "./tree-policy";

let change: ChangeFixture;

beforeEach(async () => {
  change = await ChangeFixture.start({ "src/a.txt": "one\n", "README.md": "hello\n" });
});

afterEach(() => change.stop());

async function fault(promise: Promise<unknown>): Promise<RemoteFault> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RemoteFault);
  return error as RemoteFault;
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(WorkspaceRefused);
  return (error as WorkspaceRefused).message;
}

/** Upstream files that `commit` cannot make. */
const upstreamEntries = (...entries: [mode: string, oid: string, path: string | Buffer][]) =>
  change.upstream.commitEntries(
    Buffer.concat(
      entries.flatMap(([mode, oid, path]) => [
        Buffer.from(`${mode} ${oid}\t`),
        Buffer.from(path),
        Buffer.from([0]),
      ]),
    ),
  );

describe("a job's repository", () => {
  it("has the files of the remote's commit in a commit without history", async () => {
    change.upstream.commit({ "b.txt": "second commit\n" });
    const { root, notes } = await change.begin();
    expect(notes).toEqual([]);
    expect((await readTree(change.dir, root)).map(({ path }) => path)).toEqual([
      "README.md",
      "b.txt",
      "src/a.txt",
    ]);
    const commit = (await git(["cat-file", "commit", root], { dir: change.dir })).toString();
    expect(commit).not.toContain("parent");
    const sandbox = await change.sandbox(root);
    expect(sandbox.git(["rev-list", "--count", "HEAD"]).toString().trim()).toBe("1");
  });

  it("is the same when it is begun again", async () => {
    const first = await change.begin();
    expect(await change.begin()).toEqual(first);
  });

  it("is found after the data folder was moved", async () => {
    const { root } = await change.begin();
    const moved = join(change.folder, "moved");
    await rename(join(change.folder, "repos"), `${moved}-repos`);
    await rename(join(change.folder, "mirrors"), join(change.folder, "elsewhere"));
    await rename(`${moved}-repos`, join(change.folder, "repos"));
    await expect(readTree(change.dir, root)).rejects.toThrow();
    await rename(join(change.folder, "elsewhere"), join(change.folder, "mirrors"));
    expect(await readTree(change.dir, root)).toHaveLength(2);
  });

  it("takes in a sandbox's work", async () => {
    const { root } = await change.begin();
    const work = await change.work(root, (sandbox) => sandbox.write("src/a.txt", "two\n"));
    expect(await change.read(work.commit, "src/a.txt")).toBe("two\n");
    expect(work.files.map(({ path }) => path)).toEqual(["README.md", "src/a.txt"]);
    await git(["fsck", "--strict", "--no-dangling"], { dir: change.dir });
  });

  it("keeps its base when the remote's branch is forced elsewhere and swept", async () => {
    const { root } = await change.begin();
    change.upstream.git(["update-ref", "-d", "refs/heads/main"]);
    change.upstream.commit({ "other.txt": "1\n" });
    change.upstream.git(["gc", "--quiet", "--prune=now"]);
    await change.refresh();
    for await (const chunk of await exportBundle(change.dir, root)) expect(chunk.length).toBeGreaterThan(0);
    expect(await readTree(change.dir, root)).toHaveLength(2);
  });

  it("cannot begin from a commit that the mirror has not", async () => {
    await change.refresh();
    expect((await fault(beginFromMirror(change.dir, change.mirror, "d".repeat(40)))).code).toBe(
      "branch_gone",
    );
  });
});

describe("what a base may hold", () => {
  it("links and submodules stay as they are, and people are told", async () => {
    const link = change.upstream.blob("src/a.txt");
    upstreamEntries(["120000", link, "link"], ["160000", "c".repeat(40), "vendor/lib"]);
    change.upstream.commit({ ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n" });
    const { root, notes } = await change.begin();
    expect(notes).toEqual([
      'Submodules are left as they are and not fetched; their folders are empty: "vendor/lib".',
      'Symbolic links are left as they are; changing one is refused: "link".',
      "Git LFS is off: large files that it keeps elsewhere are here as their pointers.",
    ]);
    const work = await change.work(root, (sandbox) => sandbox.write("new.txt", "1\n"));
    const tree = (await git(["ls-tree", "-r", work.commit], { dir: change.dir })).toString();
    expect(tree).toContain(`120000 blob ${link}\tlink`);
    expect(tree).toContain(`160000 commit ${"c".repeat(40)}\tvendor/lib`);
    expect(work.files.map(({ path }) => path)).toEqual([
      ".gitattributes",
      "README.md",
      "new.txt",
      "src/a.txt",
    ]);
  });

  it("a link that is changed, moved or added is refused, one that is removed is not", async () => {
    upstreamEntries(["120000", change.upstream.blob("src/a.txt"), "link"]);
    const { root } = await change.begin();
    const relink = (target: string, path: string) =>
      refusal(
        change.work(root, (sandbox) => {
          sandbox.git(["rm", "--quiet", "--force", "--ignore-unmatch", path]);
          sandbox.git(["update-index", "--add", "--cacheinfo", `120000,${sandbox.blob(target)},${path}`]);
          sandbox.git(["commit", "--quiet", "--message", "link"]);
          sandbox.git(["checkout", "--quiet", "--", "."]);
        }),
      );
    expect(await relink("/etc/passwd", "link")).toMatch(/"link" is a symbolic link/);
    expect(await relink("src/a.txt", "other")).toMatch(/"other" is a symbolic link/);
    const removed = await change.work(root, (sandbox) => void sandbox.git(["rm", "--quiet", "link"]));
    expect(removed.unchanged).toBe(false);
  });

  it.each<[string, string | Buffer, RegExp]>([
    [
      "names that differ only in case",
      "readme.md",
      /"readme.md" and "README.md" differ only in upper and lower case/,
    ],
    ["a name with a newline", "a\nb", /"a\\nb" has control or invisible characters/],
    ["a name that is not UTF-8", Buffer.from([0x61, 0xff]), /is not valid UTF-8/],
    ["a name that turns text", "a\u202eb", /"a\\u202eb" has control or invisible characters/],
    ["a name with a backslash", "a\\b", /has a backslash/],
  ])("%s: refused with the name", async (_name, path, reason) => {
    upstreamEntries(["100644", change.upstream.blob("x"), path]);
    const { code, message } = await fault(change.begin());
    expect(code).toBe("not_carried");
    expect(message).toMatch(reason);
    expect(message).not.toMatch(/[\u0000-\u001f\u202e]/);
  });

  it("more files than a job that begins with nothing may have", async () => {
    const blob = change.upstream.blob("x");
    upstreamEntries(
      ...Array.from({ length: 12_000 }, (_, n): [string, string, string] => [
        "100644",
        blob,
        `d${n % 50}/f${n}`,
      ]),
    );
    const { root } = await change.begin();
    const work = await change.work(root, (sandbox) => sandbox.write("d1/new.txt", "1\n"));
    expect(work.files).toHaveLength(12_003);
  });

  it("more files than are allowed: refused", async () => {
    await change.refresh();
    const few = { ...BASE_LIMITS, entries: 3 };
    const { code, message } = await fault(
      beginFromMirror(change.dir, change.mirror, change.upstream.tip(), few),
    );
    expect([code, message]).toEqual(["too_large", expect.stringMatching(/fewer than 3 files and folders/)]);
  });
});
