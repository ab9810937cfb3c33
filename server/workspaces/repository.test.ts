import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { archiveZip } from "./archive-zip";
import { diff, diffStat } from "./diff";
import { GitError, git } from "./git";
import { importBundle } from "./import-bundle";
import { log, readBlob, readBlobs, readTree } from "./read-files";
import { createRepository, exportBundle, MAIN_REF, readRef, repositoryPath, setRefs } from "./repository";
import { SandboxRepository, streamOf } from "./sandbox-repository.fixture";

let root: string;
let dir: string;
let sandbox: SandboxRepository;
let first: string;
let second: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fabrica-workspaces-"));
  dir = repositoryPath(root, "job_1");
  sandbox = new SandboxRepository();
  await createRepository(dir);
  sandbox.write("docs/read me.md", "# Olá\n");
  sandbox.write("gone.txt", "1\n2\n");
  sandbox.write("picture.bin", Buffer.from([0, 1, 2, 3]));
  const base = sandbox.commit();
  first = (await importBundle(dir, streamOf(sandbox.bundle()), { parent: null, message: "One\n\nbody" }))
    .commit;
  sandbox.write("docs/read me.md", "# Olá\nmais\n");
  sandbox.git(["rm", "--quiet", "gone.txt"]);
  sandbox.write("run.sh", "#!/bin/sh\n", 0o755);
  sandbox.commit();
  second = (await importBundle(dir, streamOf(sandbox.bundle(base)), { parent: first, message: "Two" }))
    .commit;
});

afterEach(async () => {
  sandbox.remove();
  await rm(root, { recursive: true, force: true });
});

describe("git", () => {
  it("sees nothing of the host", async () => {
    process.env.FABRICA_SECRET_CANARY = "canary";
    const out = await git(["-c", "alias.show-env=!env", "show-env"], { dir }).finally(() => {
      delete process.env.FABRICA_SECRET_CANARY;
    });
    expect(out.toString()).not.toContain("canary");
    expect(out.toString()).not.toMatch(/^HOME=/m);
    expect(out.toString()).toContain("GIT_CONFIG_GLOBAL=/dev/null");
  });

  it("is stopped at its deadline and at its output cap, and tells its failures apart", async () => {
    const fault = (promise: Promise<unknown>) =>
      promise.then(
        () => "none",
        (error: GitError) => error.fault,
      );
    expect(await fault(git(["-c", "alias.slow=!exec sleep 20", "slow"], { dir, timeoutMs: 100 }))).toBe(
      "timeout",
    );
    expect(await fault(git(["-c", "alias.much=!exec yes", "much"], { dir, maxOutputBytes: 1000 }))).toBe(
      "output",
    );
    expect(await fault(git(["cat-file", "-p", "d".repeat(40)], { dir }))).toBe("failed");
  });
});

describe("a repository", () => {
  it("can be made again without harm", async () => {
    await setRefs(dir, [MAIN_REF], second);
    await createRepository(dir);
    expect(await readRef(dir, MAIN_REF)).toBe(second);
  });

  it("points all refs or none at a commit, wherever they were", async () => {
    const branch = "refs/heads/fabrica/JOB-1";
    expect(await readRef(dir, MAIN_REF)).toBeNull();
    for (const commit of [first, first, second]) {
      await setRefs(dir, [branch, MAIN_REF], commit);
      expect([await readRef(dir, branch), await readRef(dir, MAIN_REF)]).toEqual([commit, commit]);
    }
    await expect(setRefs(dir, [MAIN_REF, "refs/heads/a..b"], first)).rejects.toThrow(GitError);
    expect(await readRef(dir, MAIN_REF)).toBe(second);
    await expect(setRefs(dir, ["--force"], first)).rejects.toThrow(TypeError);
  });

  it("refuses ids that are no plain names", () => {
    for (const id of ["../x", "", "a/b", "-x", ".git", "a".repeat(200)]) {
      expect(() => repositoryPath(root, id)).toThrow(TypeError);
    }
  });

  it("gives an unknown commit as an error, not as an empty bundle", async () => {
    await expect(exportBundle(dir, "d".repeat(40))).rejects.toThrow(GitError);
    await expect(exportBundle(dir, "--all")).rejects.toThrow(TypeError);
  });
});

describe("reading", () => {
  it("lists files with sizes", async () => {
    expect(await readTree(dir, second)).toMatchObject([
      { path: "docs/read me.md", size: 12, executable: false },
      { path: "picture.bin", size: 4, executable: false },
      { path: "run.sh", size: 10, executable: true },
    ]);
  });

  it("reads many blobs with one process, in the order asked, and says when one is missing", async () => {
    const tree = await readTree(dir, second);
    const oids = [...tree].reverse().map(({ oid }) => oid);
    const blobs = await readBlobs(dir, oids);
    expect(blobs.map((blob) => blob.length)).toEqual([...tree].reverse().map(({ size }) => size));
    expect(await readBlobs(dir, [])).toEqual([]);
    await expect(readBlobs(dir, [...oids, "d".repeat(40)])).rejects.toThrow(GitError);
  });

  it("reads a file, cut where asked", async () => {
    expect(await readBlob(dir, second, "docs/read me.md", 100)).toMatchObject({
      size: 12,
      truncated: false,
      binary: false,
    });
    const cut = await readBlob(dir, second, "docs/read me.md", 3);
    expect(cut).toMatchObject({ size: 12, truncated: true });
    expect(cut?.bytes.toString()).toBe("# O");
    expect((await readBlob(dir, second, "picture.bin", 100))?.binary).toBe(true);
  });

  it.each(["gone.txt", "docs", "../x", "/etc/passwd", "a\nb", "", ".git/config", "./run.sh"])(
    "has no file %j",
    async (path) => {
      expect(await readBlob(dir, second, path, 100)).toBeNull();
    },
  );

  it("tells what changed", async () => {
    expect(await diffStat(dir, first, second)).toEqual([
      { path: "docs/read me.md", added: 1, removed: 0, status: "modified", binary: false },
      { path: "gone.txt", added: 0, removed: 2, status: "deleted", binary: false },
      { path: "run.sh", added: 1, removed: 0, status: "added", binary: false },
    ]);
    expect(await diffStat(dir, null, first)).toHaveLength(3);
    expect((await diffStat(dir, null, first)).find((file) => file.path === "picture.bin")?.binary).toBe(true);
    const { text, truncated } = await diff(dir, first, second);
    expect(truncated).toBe(false);
    expect(text).toContain("+mais\n");
    expect((await diff(dir, first, second, { path: "run.sh" })).text).not.toContain("mais");
    const left = await diff(dir, first, second, { without: ["docs", "gone.txt"] });
    expect(left.text.match(/^diff --git .*$/gm)).toEqual(["diff --git a/run.sh b/run.sh"]);
    const cut = await diff(dir, first, second, { maxBytes: 100 });
    expect(cut.truncated).toBe(true);
    expect(cut.text).toMatch(/\n$/);
  });

  it("lists commits, newest first", async () => {
    const entries = await log(dir, second);
    expect(entries.map((entry) => [entry.commit, entry.message])).toEqual([
      [second, "Two"],
      [first, "One\n\nbody"],
    ]);
    expect(entries[0]?.parents).toEqual([first]);
    expect(await log(dir, second, 1)).toHaveLength(1);
  });
});

describe("a zip", () => {
  it("holds every file as it is, whatever the attributes in the tree say", async () => {
    sandbox.write(
      ".gitattributes",
      "secret.txt export-ignore\nformat.txt export-subst\ncrlf.txt text eol=crlf\n",
    );
    sandbox.write("secret.txt", "shown");
    sandbox.write("format.txt", "$Format:%H$");
    sandbox.write("crlf.txt", "a\nb\n");
    sandbox.commit();
    const taken = await importBundle(dir, streamOf(sandbox.bundle()), { parent: null, message: "x" });
    const path = join(root, "out.zip");
    await writeFile(path, "older");
    await archiveZip(dir, taken.commit, path, "job_1");
    const script =
      "import zipfile,sys,json; z=zipfile.ZipFile(sys.argv[1]); print(json.dumps({n: z.read(n).decode('latin1') for n in z.namelist()}))";
    const files = JSON.parse(execFileSync("python3", ["-c", script, path]).toString()) as Record<
      string,
      string
    >;
    expect(files["job_1/secret.txt"]).toBe("shown");
    expect(files["job_1/format.txt"]).toBe("$Format:%H$");
    expect(files["job_1/crlf.txt"]).toBe("a\nb\n");
    expect(files["job_1/picture.bin"]).toHaveLength(4);
  });

  it("leaves nothing behind when it fails", async () => {
    const path = join(root, "out.zip");
    await expect(archiveZip(dir, "d".repeat(40), path)).rejects.toThrow(GitError);
    expect(existsSync(path)).toBe(false);
  });
});
