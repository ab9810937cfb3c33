import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ChangeFixture } from "@/tests/support/change-fixture";
import { beginFromMirror } from "./change-base";
import { diffStat } from "./diff";
import { exportBundleFile, exportPatch, readPatch } from "./export-patch";
import { git } from "./git";
import { type Merged, mergeMoved } from "./merge-base";
import { pushBranch } from "./push-branch";
import { log } from "./read-files";
import { RemoteFault } from "./remote-fault";
import { replayOnto } from "./replay";

const LINES = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
let change: ChangeFixture;
let base: string;
let root: string;

beforeEach(async () => {
  change = await ChangeFixture.start({
    "a.txt": LINES,
    "b.txt": LINES,
    "picture.bin": Buffer.from([0, 1, 2]),
  });
  ({ base, root } = await change.begin());
});

afterEach(() => change.stop());

/** Refreshes the mirror and merges what upstream has now. */
async function merge(head: string, from = { baseCommit: base, root }): Promise<Merged> {
  await change.refresh();
  return mergeMoved(change.dir, change.mirror, { ...from, newBaseCommit: change.upstream.tip(), head });
}

function moved(merged: Merged): Exclude<Merged, { kind: "same" }> {
  if (merged.kind === "same") throw new Error("nothing moved");
  return merged;
}

const subjects = async (commit: string) => (await log(change.dir, commit)).map(({ message }) => message);

describe("a base that moved", () => {
  it("or did not", async () => {
    expect(await merge(root)).toEqual({ kind: "same" });
  });

  it("is merged where both fit, twice with the same result", async () => {
    const work = await change.work(root, (sandbox) => sandbox.write("a.txt", `${LINES}job\n`));
    change.upstream.commit({ "a.txt": `upstream\n${LINES}`, "c.txt": "new\n" });
    const merged = moved(await merge(work.commit));
    expect(merged).toMatchObject({ kind: "clean", conflicts: [], paths: [] });
    expect(await change.read(merged.commit, "a.txt")).toBe(`upstream\n${LINES}job\n`);
    expect(await diffStat(change.dir, merged.root, merged.commit)).toMatchObject([
      { path: "a.txt", added: 1 },
    ]);
    expect(await merge(work.commit)).toEqual(merged);
    const next = await change.work(merged.commit, (sandbox) => sandbox.write("d.txt", "more\n"));
    expect(next.unchanged).toBe(false);
  });

  it("keeps its own folder of our name, however old its commits say that they are", async () => {
    const folder = ".fabrica/own.txt";
    change.upstream.commit({ [folder]: "old\n" });
    await change.refresh();
    const first = change.upstream.tip();
    const { root: began } = await beginFromMirror(change.dir, change.mirror, first);
    const work = await change.work(began, (sandbox) => {
      sandbox.write("a.txt", `${LINES}job\n`);
      sandbox.write(".ai/progress.md", "done\n");
    });
    const entry = change.upstream.git(["ls-tree", first]);
    const blob = change.upstream.blob("new\n");
    const inner = change.upstream.git(["mktree"], `100644 blob ${blob}\town.txt\n`);
    const tree = change.upstream.git(
      ["mktree"],
      `${entry.replace(/tree \w+\t\.fabrica/, `tree ${inner}\t.fabrica`)}\n`,
    );
    const times = { GIT_AUTHOR_DATE: "1000000000 +0000", GIT_COMMITTER_DATE: "1000000000 +0000" };
    const next = change.upstream.git(["commit-tree", tree, "-p", first, "-m", "Old clock"], "", times);
    change.upstream.git(["update-ref", "refs/heads/main", next]);
    const merged = moved(await merge(work.commit, { baseCommit: first, root: began }));
    const tip = await replayOnto(change.dir, {
      root: merged.root,
      head: merged.commit,
      baseCommit: next,
      without: [".fabrica", ".ai"],
    });
    expect(await diffStat(change.dir, next, tip)).toMatchObject([{ path: "a.txt" }]);
    expect(await change.read(tip, folder)).toBe("new\n");
  });

  it("leaves what does not fit between markers and says so", async () => {
    const work = await change.work(root, (sandbox) => {
      sandbox.write("a.txt", LINES.replace("5", "job"));
      sandbox.git(["rm", "--quiet", "b.txt"]);
      sandbox.write("picture.bin", Buffer.from([0, 7, 7]));
    });
    change.upstream.commit({
      "a.txt": LINES.replace("5", "upstream"),
      "b.txt": `${LINES}upstream\n`,
      "picture.bin": Buffer.from([0, 9]),
    });
    const merged = moved(await merge(work.commit));
    expect(merged.kind).toBe("conflict");
    expect(merged.conflicts).toEqual([
      '"a.txt" was changed on both sides; what does not fit stands between conflict markers.',
      '"b.txt" was deleted by the job and changed in the base; the base\'s version was kept.',
      '"picture.bin" is binary and was changed on both sides; the job\'s version was kept.',
    ]);
    expect(merged.paths).toEqual(["a.txt", "b.txt", "picture.bin"]);
    expect(await change.read(merged.commit, "a.txt")).toMatch(/<<<<<<<.*\njob\n=======\nupstream\n>>>>>>>/);
    expect(await change.read(merged.commit, "b.txt")).toBe(`${LINES}upstream\n`);
    const mended = await change.work(merged.commit, (sandbox) => sandbox.write("a.txt", LINES));
    expect(await change.read(mended.commit, "a.txt")).toBe(LINES);
  });

  it("tells a file that the base deleted", async () => {
    const work = await change.work(root, (sandbox) => sandbox.write("b.txt", `${LINES}job\n`));
    change.upstream.commit({ "b.txt": null });
    const merged = moved(await merge(work.commit));
    expect(merged.conflicts).toEqual([
      '"b.txt" was changed by the job and deleted in the base; the job\'s version was kept.',
    ]);
  });

  it("that brings what cannot be carried is refused with the name", async () => {
    const work = await change.work(root, (sandbox) => sandbox.write("x.txt", "1\n"));
    change.upstream.commit({ "A.txt": "twin\n" });
    await expect(merge(work.commit)).rejects.toMatchObject({ code: "not_carried" });
    change.upstream.commit({ "A.txt": null, "X.txt": "twin of the job's\n" });
    await expect(merge(work.commit)).rejects.toThrow(/"x.txt" and "X.txt" differ only/);
  });
});

describe("the commits for a branch", () => {
  const replay = (head: string, at = { root, baseCommit: base }) => replayOnto(change.dir, { ...at, head });

  it("stand on the real base with their messages, the same every time", async () => {
    const one = await change.work(root, (sandbox) => sandbox.write("a.txt", "one\n"), "First\n\nwhy");
    const two = await change.work(one.commit, (sandbox) => sandbox.write("a.txt", "two\n"), "Second");
    const tip = await replay(two.commit);
    expect(await replay(two.commit)).toBe(tip);
    const entries = await log(change.dir, tip);
    expect(entries.map(({ message }) => message)).toEqual(["Second", "First\n\nwhy", "Upstream work"]);
    expect(entries[2]?.commit).toBe(base);
    expect(entries[0]?.author).toBe("Fabrica");
    expect(entries[0]?.tree).toBe(two.tree);
    await git(["fsck", "--strict", "--no-dangling"], { dir: change.dir });
  });

  it("are the base itself when nothing was changed", async () => {
    expect(await replay(root)).toBe(base);
  });

  it("have the real merge of a base that moved", async () => {
    const one = await change.work(root, (sandbox) => sandbox.write("x.txt", "one\n"), "First");
    const next = change.upstream.commit({ "y.txt": "1\n" }, { message: "Next" });
    const merged = moved(await merge(one.commit));
    const two = await change.work(merged.commit, (sandbox) => sandbox.write("x.txt", "two\n"), "Second");
    const tip = await replay(two.commit, { root: merged.root, baseCommit: next });
    expect(await subjects(tip)).toEqual(
      expect.arrayContaining(["Second", `Merge the base as of ${next}`, "First", "Next", "Upstream work"]),
    );
    expect((await log(change.dir, tip))[1]?.parents).toContain(next);
    expect(await git(["merge-base", next, tip], { dir: change.dir })).toEqual(Buffer.from(`${next}\n`));
  });

  it("have no merge when the job had not begun", async () => {
    const next = change.upstream.commit({ "y.txt": "1\n" });
    const merged = moved(await merge(root));
    expect(await replay(merged.commit, { root: merged.root, baseCommit: next })).toBe(next);
    const one = await change.work(merged.commit, (sandbox) => sandbox.write("x.txt", "1\n"), "First");
    const tip = await replay(one.commit, { root: merged.root, baseCommit: next });
    expect((await log(change.dir, tip, 1))[0]?.parents).toEqual([next]);
  });

  it("hold nothing of a base that was taken back upstream", async () => {
    const one = await change.work(root, (sandbox) => sandbox.write("x.txt", "one\n"), "First");
    const two = await change.work(one.commit, (sandbox) => sandbox.write("x.txt", "two\n"), "Second");
    change.upstream.git(["update-ref", "-d", "refs/heads/main"]);
    const next = change.upstream.commit({ "a.txt": LINES, "b.txt": LINES, "other.txt": "1\n" });
    const merged = moved(await merge(two.commit));
    expect(merged.kind).toBe("clean");
    const tip = await replay(merged.commit, { root: merged.root, baseCommit: next });
    const entries = await log(change.dir, tip);
    expect(entries.map(({ commit }) => commit)).not.toContain(base);
    expect(entries[0]?.message).toBe("The work so far, on a base that was replaced\n\n- First\n- Second");
    expect(entries[0]?.parents).toEqual([next]);
    expect(await change.read(tip, "x.txt")).toBe("two\n");
  });
});

describe("a push", () => {
  const BRANCH = "fabrica/job-1";
  let tip: string;

  beforeEach(async () => {
    const work = await change.work(root, (sandbox) => sandbox.write("x.txt", "1\n"), "First");
    tip = await replayOnto(change.dir, { root, head: work.commit, baseCommit: base });
  });

  const push = (commit: string, expected: string | null, branch = BRANCH) =>
    pushBranch(change.dir, change.remote, change.rules, { branch, commit, expected });

  async function fault(promise: Promise<unknown>): Promise<RemoteFault> {
    const error = await promise.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(RemoteFault);
    expect((error as RemoteFault).message).not.toMatch(/tok3n-canary/);
    return error as RemoteFault;
  }

  it("makes the branch, and makes it once", async () => {
    await push(tip, null);
    expect(change.upstream.tip(BRANCH)).toBe(tip);
    await push(tip, null);
    await push(tip, base);
    expect(change.upstream.git(["rev-list", "--count", `${base}..${BRANCH}`])).toBe("1");
    change.upstream.git(["fsck", "--strict", "--no-dangling"]);
  });

  it("sends only what the remote has not", async () => {
    change.server.requests.length = 0;
    await push(tip, null);
    expect(change.server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET /project.git/info/refs?service=git-receive-pack",
      "POST /project.git/git-receive-pack",
    ]);
  });

  it("replaces what it put there before, and never what somebody else did", async () => {
    await push(tip, null);
    const work = await change.work(root, (sandbox) => sandbox.write("x.txt", "other\n"), "Other");
    const second = await replayOnto(change.dir, { root, head: work.commit, baseCommit: base });
    expect((await fault(push(second, null))).code).toBe("stale");
    await push(second, tip);
    expect(change.upstream.tip(BRANCH)).toBe(second);
    const theirs = change.upstream.commit({ "theirs.txt": "1\n" }, { branch: BRANCH });
    const { code, message } = await fault(push(tip, second));
    expect([code, message]).toEqual([
      "stale",
      expect.stringMatching(/changed by somebody else; nothing was pushed/),
    ]);
    expect(change.upstream.tip(BRANCH)).toBe(theirs);
  });

  it("makes a branch again that was deleted", async () => {
    await push(tip, null);
    change.upstream.git(["update-ref", "-d", `refs/heads/${BRANCH}`]);
    expect((await fault(push(tip, tip))).code).toBe("stale");
    await push(tip, null);
    expect(change.upstream.tip(BRANCH)).toBe(tip);
  });

  it("that a hook declines is told with its reason, cleaned", async () => {
    change.upstream.hook(
      "pre-receive",
      "printf 'no pushes on \\033[31mSaturday tok3n-canary\\n' >&2; exit 1",
    );
    const { code, message } = await fault(push(tip, null));
    expect(code).toBe("declined");
    expect(message).toMatch(
      /declined the push: pre-receive hook declined · no pushes on .*Saturday \[hidden\]\./,
    );
  });

  it("that is not permitted is told", async () => {
    change.upstream.git(["config", "http.receivepack", "false"]);
    const { code, message } = await fault(push(tip, null));
    expect([code, message]).toEqual([
      "declined",
      expect.stringMatching(/does not permit the project's credentials/),
    ]);
    const remote = { ...change.remote, token: "wrong" };
    const denied = pushBranch(change.dir, remote, change.rules, {
      branch: BRANCH,
      commit: tip,
      expected: null,
    });
    expect((await fault(denied)).code).toBe("wrong_credentials");
  });

  it("of a hostile name is refused", async () => {
    for (const branch of ["-x", "a..b", "a:refs/heads/main", "", "a/", "a b", "a.lock", "+a", "a/.b"])
      await expect(push(tip, null, branch)).rejects.toThrow(TypeError);
  });
});

describe("files for people", () => {
  let folder: string;
  let head: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "fabrica-export-"));
    const work = await change.work(root, (sandbox) => {
      sandbox.write("a.txt", `${LINES}job\n`);
      sandbox.write("picture.bin", Buffer.from([0, 5, 6, 7]));
      sandbox.write("run.sh", "#!/bin/sh\n", 0o755);
      sandbox.git(["rm", "--quiet", "b.txt"]);
    });
    head = work.commit;
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const run = (args: string[]) =>
    execFileSync("git", args, { cwd: folder, env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" } })
      .toString()
      .trim();

  it("a patch that gives the same tree", async () => {
    const patch = join(folder, "work.patch");
    await exportPatch(change.dir, root, head, patch);
    run(["clone", "--quiet", change.upstream.dir, "clone"]);
    run(["-C", "clone", "apply", "--index", patch]);
    expect(run(["-C", "clone", "write-tree"])).toBe((await log(change.dir, head, 1))[0]?.tree);
    await exportPatch(change.dir, null, head, patch);
    expect((await readFile(patch, "utf8")).match(/^new file mode/gm)).toHaveLength(3);
  });

  it("a patch of some files, however many names there are", async () => {
    const names = Array.from({ length: 40_000 }, (_, n) => `${"long/".repeat(12)}${n}`);
    const read = (paths: string[]) =>
      readPatch(change.dir, { from: root, to: head, paths, maxBytes: 100_000 });
    const patch = (await read(["a.txt", ...names, "run.sh"])).toString("utf8");
    expect(patch.match(/^diff --git .*/gm)).toEqual([
      "diff --git a/a.txt b/a.txt",
      "diff --git a/run.sh b/run.sh",
    ]);
    expect(await read([])).toEqual(Buffer.alloc(0));
  });

  it("a bundle that a clone fetches from", async () => {
    const tip = await replayOnto(change.dir, { root, head, baseCommit: base });
    const file = join(folder, "work.bundle");
    await exportBundleFile(change.dir, tip, file, { ref: "refs/heads/fabrica/job-1", without: base });
    run(["clone", "--quiet", change.upstream.dir, "clone"]);
    run(["-C", "clone", "fetch", "--quiet", file, "fabrica/job-1"]);
    expect(run(["-C", "clone", "rev-parse", "FETCH_HEAD"])).toBe(tip);
    expect(readFileSync(file).length).toBeLessThan(2_000);
    run(["init", "--quiet", "--bare", "empty"]);
    await exportBundleFile(change.dir, head, file, {});
    run(["-C", "empty", "fetch", "--quiet", file, "main"]);
    expect(run(["-C", "empty", "rev-parse", "FETCH_HEAD"])).toBe(head);
  });
});
