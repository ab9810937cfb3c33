import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GitServer, type ServerRepository } from "@/tests/support/git-server";
import { git } from "./git";
import { type MirrorLimits, refreshMirror, requireBranch } from "./mirror";
import { RemoteFault } from "./remote-fault";
import type { Remote } from "./remote-git";

const CREDENTIALS = { username: "robot", password: "tok3n-canary/+x" };

let root: string;
let dir: string;
let server: GitServer;
let upstream: ServerRepository;
let answer: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fabrica-mirror-"));
  dir = join(root, "mirror.git");
  answer = null;
  server = await GitServer.start({
    credentials: CREDENTIALS,
    intercept: (request, response) => answer?.(request, response) ?? false,
  });
  upstream = server.create("project");
});

afterEach(async () => {
  await server.stop();
  await rm(root, { recursive: true, force: true });
});

const remote = (given: Partial<Remote> = {}): Remote => ({
  url: server.url("project"),
  username: CREDENTIALS.username,
  token: CREDENTIALS.password,
  ...given,
});
const rules = () => ({ hosts: [], remotes: [server.origin] });
const refresh = (given: Partial<Remote> = {}, limits: Partial<MirrorLimits> = {}) =>
  refreshMirror(dir, remote(given), rules(), { limits });

async function fault(promise: Promise<unknown>): Promise<RemoteFault> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RemoteFault);
  const { message } = error as RemoteFault;
  const encoded = Buffer.from(`${CREDENTIALS.username}:${CREDENTIALS.password}`).toString("base64");
  for (const secret of [CREDENTIALS.password, encoded, encodeURIComponent(CREDENTIALS.password)])
    expect(message).not.toContain(secret);
  expect(message).toMatch(/^[A-Z\d].*\.$/);
  return error as RemoteFault;
}

const has = async (commit: string) =>
  (await git(["cat-file", "-t", commit], { dir }).catch(() => "")).toString().trim() === "commit";
const posts = () => server.requests.filter(({ method }) => method === "POST").length;
const leftovers = async () =>
  existsSync(dir) ? (await readdir(dir)).filter((name) => name.startsWith("incoming-")) : [];

describe("a mirror", () => {
  it("gets all branches and nothing else", async () => {
    const main = upstream.commit({ "a.txt": "1\n" });
    const side = upstream.commit({ "b.txt": "2\n" }, { branch: "feature/one" });
    upstream.git(["update-ref", "refs/pull/7/head", upstream.commit({ "c.txt": "3" }, { branch: "gone" })]);
    upstream.git(["tag", "v1", "refs/heads/gone"]);
    upstream.git(["update-ref", "-d", "refs/heads/gone"]);
    const branches = [
      { name: "feature/one", commit: side },
      { name: "main", commit: main },
    ];
    expect(await refresh()).toEqual({ branches, head: "main", changed: true });
    expect((await git(["for-each-ref", "--format=%(refname)"], { dir })).toString()).toBe(
      "refs/heads/feature/one\nrefs/heads/main\n",
    );
    await git(["fsck", "--strict"], { dir });
    expect(await leftovers()).toEqual([]);
  });

  it("of an unchanged remote asks for the list of branches and fetches nothing", async () => {
    upstream.commit({ "a.txt": "1\n" });
    const first = await refresh();
    server.requests.length = 0;
    expect(await refresh()).toEqual({ ...first, changed: false });
    expect(server.requests.map(({ method, protocol }) => [method, protocol])).toEqual([
      ["GET", "version=2"],
      ["POST", "version=2"],
    ]);
  });

  it("fetches only what is new", async () => {
    upstream.commit({ "large.bin": randomBytes(400_000) });
    await refresh();
    const packs = await readdir(join(dir, "objects", "pack"));
    const next = upstream.commit({ "a.txt": "small\n" });
    expect((await refresh()).branches).toEqual([{ name: "main", commit: next }]);
    const fresh = (await readdir(join(dir, "objects", "pack"))).filter(
      (name) => name.endsWith(".pack") && !packs.includes(name),
    );
    expect(fresh).toHaveLength(1);
    expect((await readFile(join(dir, "objects", "pack", fresh[0] ?? ""))).length).toBeLessThan(2_000);
  });

  it("follows a force-pushed branch and keeps what was there before", async () => {
    const old = upstream.commit({ "a.txt": "old\n" });
    await refresh();
    upstream.git(["update-ref", "-d", "refs/heads/main"]);
    upstream.git(["gc", "--quiet", "--prune=now"]);
    const forced = upstream.commit({ "a.txt": "new\n" });
    expect(await refresh()).toMatchObject({ branches: [{ name: "main", commit: forced }], changed: true });
    expect(await has(old)).toBe(true);
  });

  it("follows a removed branch, and one whose name becomes a folder", async () => {
    upstream.commit({ "a.txt": "1\n" });
    const old = upstream.commit({ "b.txt": "1\n" }, { branch: "topic" });
    await refresh();
    upstream.git(["update-ref", "-d", "refs/heads/topic"]);
    upstream.commit({ "c.txt": "1\n" }, { branch: "topic/two" });
    const state = await refresh();
    expect(state.branches.map(({ name }) => name)).toEqual(["main", "topic/two"]);
    expect(await has(old)).toBe(true);
    expect(() => requireBranch(state, "topic")).toThrow(/no branch topic/);
    expect(requireBranch(state, null).name).toBe("main");
  });

  it("names no default branch when HEAD leads nowhere", async () => {
    upstream.commit({ "a.txt": "1\n" }, { branch: "work" });
    const state = await refresh();
    expect(state.head).toBeNull();
    expect(() => requireBranch(state, null)).toThrow(/no default branch/);
  });

  it("may be refreshed by many at once", async () => {
    upstream.commit({ "a.txt": "1\n" });
    // Another user name is another key, so these do not wait for each other.
    answer = (request) => {
      request.headers.authorization = `Basic ${Buffer.from(`${CREDENTIALS.username}:${CREDENTIALS.password}`).toString("base64")}`;
      return false;
    };
    for (let round = 0; round < 3; round += 1) {
      const tip = upstream.commit({ "a.txt": `${round}\n` });
      const states = await Promise.all(["a", "b", "c", "d"].map((username) => refresh({ username })));
      for (const state of states) expect(state.branches).toEqual([{ name: "main", commit: tip }]);
      await git(["fsck", "--strict", "--no-dangling"], { dir });
    }
    expect(await leftovers()).toEqual([]);
  });

  it("is fetched once for those of one process who ask at the same time", async () => {
    upstream.commit({ "a.txt": "1\n" });
    await Promise.all([refresh(), refresh(), refresh()]);
    const once = posts();
    await rm(dir, { recursive: true });
    server.requests.length = 0;
    await refresh();
    expect(posts()).toBe(once);
  });

  it("survives a connection that is cut in the middle of a fetch", async () => {
    upstream.commit({ "a.txt": "1\n" });
    await refresh();
    const before = await readFile(join(dir, "packed-refs"), "utf8");
    upstream.commit({ "b.bin": randomBytes(200_000) });
    answer = (request, response) => {
      if (request.method !== "POST") return false;
      const write = response.write.bind(response);
      let sent = 0;
      response.write = ((chunk: Buffer) => {
        sent += chunk.length;
        if (sent > 20_000) {
          response.destroy();
          return false;
        }
        return write(chunk);
      }) as typeof response.write;
      return false;
    };
    expect((await fault(refresh())).code).toMatch(/unreachable|damaged/);
    expect(await readFile(join(dir, "packed-refs"), "utf8")).toBe(before);
    expect(await leftovers()).toEqual([]);
    answer = null;
    expect((await refresh()).changed).toBe(true);
  });
});

describe("a remote that cannot be read", () => {
  it("wrong, missing and superfluous credentials", async () => {
    upstream.commit({ "a.txt": "1\n" });
    const wrong = await fault(refresh({ token: "wrong" }));
    expect(wrong.code).toBe("wrong_credentials");
    expect(wrong.message).toMatch(/did not accept the credentials/);
    const none = await fault(refresh({ token: null }));
    expect([none.code, none.message]).toEqual([
      "wrong_credentials",
      expect.stringMatching(/asks for credentials; the project has none/),
    ]);
    expect(existsSync(dir)).toBe(false);
  });

  it("loses nothing when credentials are taken away", async () => {
    const tip = upstream.commit({ "a.txt": "1\n" });
    await refresh();
    expect((await fault(refresh({ token: "old" }))).code).toBe("wrong_credentials");
    expect(await has(tip)).toBe(true);
    expect((await refresh()).changed).toBe(false);
  });

  it("the token is in no file of the mirror and in no argument", async () => {
    upstream.commit({ "a.txt": "1\n" });
    await refresh();
    for (const name of await readdir(dir, { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue;
      const text = await readFile(join(name.parentPath, name.name), "latin1");
      expect(text).not.toContain(CREDENTIALS.password);
      expect(text).not.toContain(server.origin);
    }
  });

  it("no such repository", async () => {
    const { code, message } = await fault(refresh({ url: server.url("other") }));
    expect([code, message]).toEqual(["not_found", expect.stringMatching(/has no such repository/)]);
  });

  it("an empty repository", async () => {
    expect(await fault(refresh())).toMatchObject({ code: "empty" });
    expect(existsSync(dir)).toBe(false);
  });

  it("one without branches any more, whose mirror stays", async () => {
    const tip = upstream.commit({ "a.txt": "1\n" });
    await refresh();
    upstream.git(["update-ref", "-d", "refs/heads/main"]);
    expect((await fault(refresh())).code).toBe("empty");
    expect(await has(tip)).toBe(true);
  });

  it.each<[string, string, number, Record<string, string>, string]>([
    ["a redirect", "redirect", 302, { location: "http://127.0.0.1:1/private.git/info/refs" }, ""],
    ["a permanent redirect", "redirect", 301, { location: "http://169.254.169.254/" }, ""],
    ["not permitted", "wrong_credentials", 403, {}, "no"],
    ["too busy", "unreachable", 429, {}, ""],
    ["out of order", "unreachable", 503, {}, ""],
    ["a web page", "empty", 200, { "content-type": "text/html" }, "<html>hello</html>"],
    [
      "nonsense with the right type",
      "not_git",
      200,
      { "content-type": "application/x-git-upload-pack-advertisement" },
      "nonsense",
    ],
  ])("%s", async (_name, code, status, headers, body) => {
    answer = (_request, response) => {
      response.writeHead(status, headers).end(body);
      return true;
    };
    expect((await fault(refresh())).code).toBe(code);
    if (code !== "empty") expect(server.requests).toHaveLength(1);
  });

  it("a server of plain files", async () => {
    upstream.commit({ "a.txt": "1\n" });
    upstream.git(["update-server-info"]);
    answer = (request, response) => {
      // Without the query git http-backend serves the plain files.
      request.url = request.url?.replace(/\?.*/, "");
      delete request.headers["git-protocol"];
      return response.destroyed;
    };
    expect((await fault(refresh())).code).toBe("not_git");
    expect(await leftovers()).toEqual([]);
  });

  it("a remote that says nothing, in the time that it is given", async () => {
    upstream.commit({ "a.txt": "1\n" });
    answer = () => true;
    expect((await fault(refresh({}, { lookMs: 300 }))).code).toBe("timeout");
  });

  it("a host that cannot be reached", async () => {
    const origin = server.origin;
    await server.stop();
    const gone = { url: `${origin}/project.git`, username: null, token: null };
    const unreachable = refreshMirror(dir, gone, { hosts: [], remotes: [origin] });
    expect((await fault(unreachable)).code).toBe("unreachable");
    server = await GitServer.start();
  });

  it("too large: nothing is kept", async () => {
    upstream.commit({ "large.bin": randomBytes(600_000) });
    expect((await fault(refresh({}, { bytes: 200_000 }))).code).toBe("too_large");
    expect(await leftovers()).toEqual([]);
    expect(await readdir(join(dir, "objects", "pack")).catch(() => [])).toEqual([]);
    expect((await refresh()).changed).toBe(true);
  });

  it("grown too large in many steps", async () => {
    for (let step = 0; step < 2; step += 1) {
      upstream.commit({ "large.bin": randomBytes(90_000) });
      await refresh({}, { bytes: 100_000 });
    }
    upstream.commit({ "large.bin": randomBytes(90_000) });
    expect((await fault(refresh({}, { bytes: 100_000 }))).code).toBe("too_large");
  });

  it("too many branches", async () => {
    upstream.commit({ "a.txt": "1\n" });
    for (const name of ["b", "c", "d"]) upstream.git(["branch", name, "main"]);
    expect((await fault(refresh({}, { branches: 3 }))).code).toBe("too_large");
  });
});
