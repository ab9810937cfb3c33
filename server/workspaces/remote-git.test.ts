import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GitServer } from "@/tests/support/git-server";
import { explainFault, withoutSecrets } from "./explain-fault";
import { GitError } from "./git";
import { refreshMirror } from "./mirror";
import { openRemote } from "./remote-git";

let folder: string;
let server: GitServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fabrica-remote-"));
  server = await GitServer.start({ credentials: { username: "x-access-token", password: "tok3n" } });
  server.create("project").commit({ "a.txt": "1\n" });
});

afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

describe("a remote command", () => {
  it("goes to the address that was looked up, once, although the name leads nowhere now", async () => {
    const port = new URL(server.origin).port;
    const origin = `http://git.invalid:${port}`;
    let looked = 0;
    const resolve = async () => {
      looked += 1;
      return looked === 1 ? ["127.0.0.1"] : ["192.0.2.1"];
    };
    const remote = { url: `${origin}/project.git`, username: null, token: "tok3n" };
    const state = await refreshMirror(
      join(folder, "m.git"),
      remote,
      { hosts: [], remotes: [origin] },
      { resolve },
    );
    expect(state.branches).toHaveLength(1);
    expect(looked).toBe(1);
  });

  it("has the token in its environment only, and sends it to this origin only", async () => {
    const rules = { hosts: [], remotes: [server.origin] };
    const remote = { url: server.url("project"), username: null, token: "tok3n" };
    const open = await openRemote(remote, rules);
    const seen = join(folder, "seen");
    // An alias runs a shell in the very environment that git was given.
    const script = `!tr '\\0' '\\n' < /proc/$PPID/cmdline > ${seen}.argv; env > ${seen}.env; git config --list > ${seen}.config`;
    await open.run(["-c", `alias.look=${script}`, "look"], { dir: join(folder, "none.git"), doing: "read" });
    const basic = Buffer.from("x-access-token:tok3n").toString("base64");
    expect(await readFile(`${seen}.argv`, "utf8")).not.toMatch(new RegExp(`tok3n|${basic}`));
    const config = await readFile(`${seen}.config`, "utf8");
    expect(config).toContain(`http.${server.origin}.extraheader=Authorization: Basic ${basic}`);
    expect(config).toMatch(/^http\.followredirects=false$/m);
    expect(config).toMatch(/^credential\.helper=$/m);
    expect(await readFile(`${seen}.env`, "utf8")).toMatch(/^GIT_ALLOW_PROTOCOL=http$/m);
  });

  it("does not look into a .netrc or the configuration of the account", async () => {
    const home = process.env.HOME;
    const host = new URL(server.origin).hostname;
    await writeFile(join(folder, ".netrc"), `machine ${host} login x-access-token password tok3n\n`);
    process.env.HOME = folder;
    try {
      const open = await openRemote(
        { url: server.url("project"), username: null, token: null },
        { hosts: [], remotes: [server.origin] },
      );
      const run = open.run(["ls-remote", "--", open.url], { dir: join(folder, "none.git"), doing: "read" });
      await expect(run).rejects.toMatchObject({ code: "wrong_credentials" });
    } finally {
      process.env.HOME = home;
    }
  });

  it("starts no other transport, even when it is given one", async () => {
    const open = await openRemote(
      { url: server.url("project"), username: null, token: null },
      { hosts: [], remotes: [server.origin] },
    );
    const canary = join(folder, "canary");
    for (const url of [
      `ext::touch ${canary}`,
      `file://${folder}`,
      "ssh://git@127.0.0.1/x",
      "https://127.0.0.1/x",
    ])
      await expect(
        open.run(["ls-remote", "--", url], { dir: join(folder, "none.git"), doing: "read" }),
      ).rejects.toThrow();
    await expect(readFile(canary)).rejects.toThrow();
  });
});

describe("what a fault says", () => {
  const context = {
    doing: "read" as const,
    host: "git.example",
    secrets: ["tok3n", "dG9rM24="],
    anonymous: false,
  };
  const say = (stderr: string) => explainFault(new GitError("failed", "fetch", 128, null, stderr), context);

  it.each([
    ["fatal: unable to access 'https://git.example/x': Could not resolve host: git.example", "unreachable"],
    ["fatal: unable to access 'https://git.example/x': SSL certificate problem: self-signed", "unreachable"],
    ["fatal: unable to access 'x': Operation too slow. Less than 1 bytes/sec", "timeout"],
    ["fatal: write error: No space left on device", "local"],
    [
      "error: object 1234: badTree: x\nfatal: fsck error in packed object\nfatal: fetch-pack: invalid index-pack output",
      "damaged",
    ],
    [
      "remote: error: 404 Permission denied certificate\nfatal: Authentication failed for 'x'",
      "wrong_credentials",
    ],
    ["fatal: fetch-pack: unexpected disconnect while reading sideband packet", "unreachable"],
    ["something new", "unreachable"],
  ])("%j is %s", (stderr, code) => {
    expect(say(stderr).code).toBe(code);
  });

  it("hides secrets in every form, and control characters", () => {
    const { message } = say(
      "fatal: what tok3n and dG9rM24= and Authorization: Basic eHh4 \u001b[31m https://u:p@h/ x",
    );
    expect(message).not.toMatch(/tok3n|dG9rM24|eHh4|u:p|\u001b/);
    expect(withoutSecrets("a".repeat(1_000), []).length).toBe(300);
  });
});
