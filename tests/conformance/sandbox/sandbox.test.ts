// One suite for every implementation of the sandbox port. Both run for real: jails on this machine, and containers of a
// Docker daemon that the suite starts itself.

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { probe } from "@/runner/probe";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import { createDockerDriver } from "@/runner/sandbox/docker";
import { WarmPool } from "@/runner/sandbox/pool";
import {
  type ExecOutcome,
  type ExecRequest,
  RequestError,
  type Sandbox,
  type SandboxDriver,
  SandboxError,
  startsSlowly,
} from "@/runner/sandbox/port";
import { bundleWorkspace, restoreWorkspace } from "@/runner/workspace";
import { type DockerDaemon, startDocker } from "@/tests/support/docker";
import { ProtocolServer, shell, until } from "@/tests/support/protocol-server";

const LIMITS = { memory_mb: 192, work_mb: 32, tmp_mb: 8, inodes: 2_000, cpus: 1, pids: 48 };
const SECRET = "canary-of-the-host";

interface Bench {
  driver: SandboxDriver;
  /** Settings with which a runner process makes the same sandboxes. */
  env: Record<string, string>;
  /** What is left on the host of sandboxes: containers, or mounts and folders. */
  traces(): Promise<string[]>;
  close(): Promise<void>;
}

let folder: string;
let toolchainDir: string;
let listener: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-conformance-"));
  chmodSync(folder, 0o755);
  toolchainDir = join(folder, "toolchain");
  mkdirSync(join(toolchainDir, "node_modules/.bin"), { recursive: true });
  writeFileSync(join(toolchainDir, "node_modules/.bin/hello"), "#!/bin/sh\necho hello $1\n", { mode: 0o755 });
  writeFileSync(join(folder, "canary"), SECRET, { mode: 0o644 });
  process.env.FABRICA_CONFORMANCE_CANARY = SECRET;
  listener = createServer((socket) => socket.destroy()).listen(0, "0.0.0.0");
  await new Promise((resolve) => listener.once("listening", resolve));
});
afterAll(async () => {
  await (await docker)?.stop();
  listener.close();
  delete process.env.FABRICA_CONFORMANCE_CANARY;
  rmSync(folder, { recursive: true, force: true });
});

async function openBubblewrap(): Promise<Bench> {
  const stateDir = join(folder, "state");
  const driver = await createBubblewrapDriver({ stateDir, toolchainDir });
  const traces = async () => [
    ...readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes(stateDir)),
    ...readdirSync(join(stateDir, "jail/jobs")),
  ];
  const env = { RUNNER_DRIVER: "bubblewrap" };
  return { driver, env, traces, close: async () => void (await driver.reap()) };
}

/** One daemon for all, started by the first that needs it. */
let docker: Promise<DockerDaemon> | null = null;

async function openDocker(): Promise<Bench> {
  docker ??= startDocker();
  const daemon = await docker;
  const { host: dockerHost, image, supervisor } = daemon;
  const options = { dockerHost, image, runtime: null, supervisor, toolchainDir, instance: "conformance" };
  const driver = await createDockerDriver(options);
  const traces = async () =>
    (await daemon.client.listContainers({ all: true })).map((container) => container.Id);
  const env = { RUNNER_DRIVER: "auto", DOCKER_HOST: dockerHost, RUNNER_SUPERVISOR: supervisor };
  return { driver, env, traces, close: async () => void (await driver.reap()) };
}

/** Every sandbox but the first has waited for its test; the one that waits for the next is no trace of the last. */
async function openPool(): Promise<Bench> {
  const bench = await openDocker();
  if (!startsSlowly(bench.driver))
    throw new Error("There is nothing to be gained from making these in advance.");
  const signal = new AbortController().signal;
  const driver = new WarmPool(bench.driver, { size: 1, log: () => {}, signal, refillAfterMs: 0 });
  const traces = async () => {
    let found = await bench.traces();
    for (let round = 0; found.length !== 1 && round < 200; round++) {
      await pause(50);
      found = await bench.traces();
    }
    return found.length === 1 ? [] : found;
  };
  const close = async () => {
    await driver.close();
    expect(await bench.traces()).toEqual([]);
  };
  return { ...bench, driver, traces, close };
}

/** How many processes of this machine, in whatever namespace, have this command line. */
function countOnHost(commandLine: string): number {
  const pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim() === commandLine;
    } catch {
      return false;
    }
  }).length;
}

describe.each([
  ["bubblewrap", "", openBubblewrap],
  ["docker", "", openDocker],
  ["docker", " from a pool", openPool],
] as const)("the %s sandbox%s", (name, _, open) => {
  let bench: Bench;
  let sandbox: Sandbox;

  beforeAll(async () => {
    bench = await open();
  }, 600_000);
  afterAll(async () => {
    await bench?.close();
  });
  beforeEach(async () => {
    sandbox = await bench.driver.create(LIMITS);
  });
  afterEach(async () => {
    await sandbox.destroy();
    expect(await bench.traces()).toEqual([]);
  });

  interface Ran extends ExecOutcome {
    stdout: Buffer;
    stderr: string;
    text: string;
  }

  async function run(
    script: string,
    request: Partial<ExecRequest> = {},
    at: Sandbox = sandbox,
  ): Promise<Ran> {
    const parts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    const outcome = await at.exec({
      argv: ["sh", "-c", script],
      timeoutMs: 20_000,
      maxOutputBytes: 1024 * 1024,
      onOutput: (stream, data) => parts[stream].push(Buffer.from(data)),
      ...request,
    });
    const stdout = Buffer.concat(parts.stdout);
    return {
      ...outcome,
      stdout,
      text: stdout.toString("utf8"),
      stderr: Buffer.concat(parts.stderr).toString("utf8"),
    };
  }

  const CLEAN = {
    exitCode: 0,
    signal: null,
    timedOut: false,
    outOfMemory: "no",
    capped: false,
    killed: false,
    leftovers: 0,
  };

  /** Registers a test of what only this driver promises; the other one has no such test to skip. */
  const onlyDocker = (title: string, test: () => Promise<void>) => name === "docker" && it(title, test);

  describe("running programs", () => {
    it("passes output, exit code, arguments, folder and variables", async () => {
      const ran = await run("", {
        argv: ["sh", "-c", 'pwd; echo "$1"; echo "$NAME" >&2', "sh", "a b\n'c\""],
        env: { NAME: "värde" },
      });
      expect(ran).toMatchObject({ ...CLEAN, text: "/work\na b\n'c\"\n", stderr: "värde\n" });
      expect(await run("exit 7")).toMatchObject({ ...CLEAN, exitCode: 7 });
      await run("mkdir -p 'sub dir'");
      expect((await run("pwd", { cwd: "./sub dir/../sub dir/" })).text).toBe("/work/sub dir\n");
    });

    it("passes every word as it is, whatever a shell would make of it", async () => {
      const odd = [
        ...[
          "",
          " ",
          "-n",
          "--",
          "'",
          "''",
          "'\\''",
          '"',
          "\\",
          "\\n",
          "$HOME",
          "`id`",
          "$(id)",
          "*",
          "~",
          "#",
          "!",
        ],
        ...[
          "a\nb\n",
          "\n",
          "\r\n",
          "\t",
          "; exit 9",
          "} ; exit 9",
          "&& id",
          ">x",
          "EOF",
          "a=b",
          "%s",
          "\x01\x7f\x1b[0m",
        ],
        ...["\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088", "ÁÂ", "日本", "🙂", "x".repeat(131_000)],
        ...fc.sample(fc.string({ unit: "binary", maxLength: 40 }), { numRuns: 300, seed: 5 }),
      ].map((text) => text.replaceAll("\0", "").toWellFormed());
      const ran = await run("", { argv: ["printf", "%s\\0", ...odd] });
      expect(ran).toMatchObject(CLEAN);
      expect(ran.text.split("\0").slice(0, -1)).toEqual(odd);
      const env = {
        PATH: "/usr/bin:/bin",
        PS4: "'",
        BASH_ENV: "/x",
        UID: "5",
        LD_LIBRARY_PATH: "/y",
        A: "a\n'b' $x",
      };
      const seen = await run("", { argv: ["node", "-e", "console.log(JSON.stringify(process.env))"], env });
      expect(JSON.parse(seen.text)).toMatchObject(env);
    });

    it("runs programs with odd names", async () => {
      await run(
        "for n in ./a=b ./-n; do printf '#!/bin/sh\\necho \"$V$1\"' > $n; chmod +x $n; done; cp ./-n ./plain",
      );
      for (const name of ["./a=b", "./-n", "./plain"]) {
        expect((await run("", { argv: [name, "=", "x"], env: { V: "v" } })).text).toBe("v=\n");
        expect((await run("", { argv: [name, "-x"] })).text).toBe("-x\n");
      }
      expect((await run("", { argv: ["a=b"], env: { PATH: "/work" } })).text).toBe("\n");
      expect((await run("", { argv: ["-n"], env: { PATH: "/work" } })).text).toBe("\n");
      expect(await run("", { argv: ["-x"] })).toMatchObject({ exitCode: 127 });
      expect(await run("", { argv: [""], stdin: Buffer.from("echo never") })).toMatchObject({ text: "" });
      expect(await run("", { argv: ["/work"] })).toMatchObject({ exitCode: 126 });
    });

    it("refuses an argument that no kernel takes, and stays usable", async () => {
      const request = { argv: ["true", "x".repeat(131_072)] };
      await expect(run("", request)).rejects.toMatchObject({ name: "SandboxError", gone: false });
      expect(await run("true")).toMatchObject(CLEAN);
    });

    it("tells a missing program and a missing folder as a shell does", async () => {
      expect(await run("", { argv: ["no-such-program"] })).toMatchObject({ exitCode: 127 });
      expect(await run("true", { cwd: "nowhere" })).toMatchObject({ exitCode: 125 });
    });

    it.each<[string, Partial<ExecRequest>]>([
      ["a folder outside", { cwd: "../etc" }],
      ["an absolute folder", { cwd: "/etc" }],
      ["a NUL byte", { argv: ["echo", "a\0b"] }],
      ["a variable without a proper name", { env: { "A=B": "c" } }],
    ])("refuses %s and stays usable", async (_, request) => {
      await expect(run("true", request)).rejects.toBeInstanceOf(RequestError);
      expect(await run("true")).toMatchObject(CLEAN);
    });

    it("feeds standard input, also much of it, and to a program that does not read", async () => {
      expect((await run("cat", { stdin: Buffer.from("hello\0\xff", "latin1") })).stdout).toEqual(
        Buffer.from("hello\0\xff", "latin1"),
      );
      const large = Buffer.alloc(3 * 1024 * 1024, "0123456789abcdef");
      expect((await run("wc -c", { stdin: large })).text.trim()).toBe(String(large.length));
      expect(await run("true", { stdin: large })).toMatchObject(CLEAN);
      expect((await run("cat; echo end")).text).toBe("end\n");
    });

    it("reports the signal that ended a program", async () => {
      expect(await run("kill -TERM $$")).toMatchObject({
        exitCode: null,
        signal: "SIGTERM",
        outOfMemory: "no",
      });
      expect(await run("kill -KILL $$")).toMatchObject({
        exitCode: null,
        signal: "SIGKILL",
        outOfMemory: "no",
      });
    });

    it("does not call an exit code of 137 out of memory", async () => {
      expect((await run("exit 137")).outOfMemory).toBe("no");
    });

    it("keeps the workspace and the home folder from command to command", async () => {
      await run("echo kept > file; echo also > ~/file; mkdir -m 0 closed");
      expect((await run("cat file ~/file")).text).toBe("kept\nalso\n");
    });

    it("offers the programs that projects need, and the toolchain first", async () => {
      const ran = await run("node --version && python3 --version && git --version && hello you");
      expect(ran.text).toMatch(/^v\d+\.\d+\.\d+\nPython 3\.\d+\.\d+\ngit version .*\nhello you\n$/);
      expect((await run(`node -e "console.log(Object.keys(os.networkInterfaces()).join())"`)).text).toBe(
        "lo\n",
      );
      expect(
        (await run(`python3 -c "import multiprocessing as m; print(m.Pool(2).map(abs, [-1]))"`)).text,
      ).toBe("[1]\n");
    });

    it("lets a program serve and call itself over the loopback interface", async () => {
      const script = `require("http").createServer((q, r) => r.end("served")).listen(0, "localhost", async function () {
        console.log(await (await fetch("http://localhost:" + this.address().port)).text()); process.exit() })`;
      expect((await run("", { argv: ["node", "-e", script] })).text).toBe("served\n");
    });

    it("runs commands in parallel and keeps them apart", async () => {
      const all = await Promise.all(
        [1, 2, 3, 4].map((n) => run(`setsid sleep 500 & sleep 0.2; echo ${n}; exit ${n}`)),
      );
      expect(all.map((ran) => ran.text)).toEqual(["1\n", "2\n", "3\n", "4\n"]);
      expect(all.map((ran) => ran.exitCode)).toEqual([1, 2, 3, 4]);
      expect(all.map((ran) => ran.leftovers)).toEqual([1, 1, 1, 1]);
      expect((await run("grep -l '^Name:.sleep' /proc/[0-9]*/status | wc -l")).text.trim()).toBe("0");
    });
  });

  describe("output", () => {
    it("is cut at the cap per stream, and what is dropped is counted", async () => {
      const ran = await run("head -c 300000 /dev/zero; head -c 5 /dev/zero >&2", { maxOutputBytes: 100_000 });
      expect(ran).toMatchObject({ ...CLEAN, capped: true, droppedBytes: 200_000 });
      expect(ran.stdout.length).toBe(100_000);
      expect(ran.stderr.length).toBe(5);
    });

    it("may be endless without doing harm", async () => {
      const ran = await run("yes", { timeoutMs: 3_000, maxOutputBytes: 10_000 });
      expect(ran).toMatchObject({ timedOut: true, capped: true });
      expect(ran.stdout.length).toBe(10_000);
    });

    it("may be one line of 100 MB", async () => {
      const ran = await run("head -c 100000000 /dev/zero | tr '\\0' x", { maxOutputBytes: 1_000_000 });
      expect(ran).toMatchObject({ ...CLEAN, capped: true, droppedBytes: 99_000_000 });
    });

    it("passes bytes that are no text unchanged", async () => {
      const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x1b, 0x5d, 0xc3, 0x28, 0x0d]);
      const octal = [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
      expect((await run(`printf '${octal}'`)).stdout).toEqual(bytes);
    });

    it("is complete when a program writes much and ends at once", async () => {
      const ran = await run("seq 100000");
      expect(ran.text.split("\n").length).toBe(100_001);
    });
  });

  describe("limits", () => {
    it("ends a program that ignores SIGTERM when its time is over", async () => {
      const ran = await run("trap '' TERM INT HUP; echo started; while :; do sleep 1; done", {
        timeoutMs: 3_000,
      });
      expect(ran).toMatchObject({
        timedOut: true,
        killed: true,
        exitCode: null,
        signal: "SIGKILL",
        text: "started\n",
      });
      expect(ran.durationMs).toBeLessThan(10_000);
    });

    it("ends programs whose time is over before they have begun", async () => {
      for (let timeoutMs = 1; timeoutMs <= 25; timeoutMs += 3) {
        const [first, second] = await Promise.all([1, 2].map(() => run("sleep 600", { timeoutMs })));
        expect([first?.timedOut, second?.timedOut]).toEqual([true, true]);
      }
      expect((await run("grep -l '^Name:.sleep' /proc/[0-9]*/status | wc -l")).text.trim()).toBe("0");
    });

    it("survives a fork bomb and leaves nothing of it", async () => {
      const bomb = await run("cp /bin/sh bomb; ./bomb -c 'f() { f | f & f; }; f'", { timeoutMs: 1_000 });
      expect(bomb.exitCode).not.toBe(0);
      expect((await run("grep -l '^Name:.bomb' /proc/[0-9]*/status | wc -l")).text.trim()).toBe("0");
    });

    it("kills daemons that outlive their command", async () => {
      const ran = await run(
        "for i in 1 2 3 4 5 6 7 8 9 10; do setsid sleep 5000 & done; (sleep 5000 &) & echo done",
      );
      expect(ran).toMatchObject({ exitCode: 0, text: "done\n" });
      expect(ran.leftovers).toBeGreaterThanOrEqual(10);
      expect((await run("grep -h '^Name:.sleep' /proc/[0-9]*/status | wc -l")).text.trim()).toBe("0");
    });

    it("stops a program that takes too much memory, and says so", async () => {
      expect(await run("tail -n 1 /dev/zero")).toMatchObject({ outOfMemory: "yes" });
      // The shell hides the dead child behind its own exit code; the kernel's count does not.
      expect(await run("tail -n 1 /dev/zero; exit 0")).toMatchObject({ exitCode: 0, outOfMemory: "yes" });
      expect(await run("echo alive")).toMatchObject({ ...CLEAN, text: "alive\n" });
    });

    it("gives a full disk and full inodes as errors that a program can read", async () => {
      const disk = await run(
        "dd if=/dev/zero of=big bs=1M count=40 2>&1; ls -l big | awk '{print $5}'; rm big",
      );
      expect(disk.text).toContain("No space left on device");
      const inodes = await run(
        "mkdir d; cd d; seq 4000 | xargs touch 2>&1 | tail -n 1; ls | wc -l; cd ..; rm -rf d",
      );
      expect(inodes.text).toContain("No space left on device");
      expect((await run("dd if=/dev/zero of=/tmp/big bs=1M count=20 2>&1; rm /tmp/big")).text).toContain(
        "No space left",
      );
      expect(await run("echo fine > file")).toMatchObject(CLEAN);
    });

    it("limits the number of processes", async () => {
      const ran = await run(
        "i=0; while [ $i -lt 200 ]; do sleep 9 >/dev/null & i=$((i+1)); echo $i; done 2>/dev/null | tail -n 1",
      );
      expect(Number(ran.text)).toBeLessThan(LIMITS.pids + 30);
    });
  });

  describe("isolation", () => {
    it("runs as the unprivileged user without any capability", async () => {
      const ran = await run("id -u; grep -E '^(Cap|NoNewPrivs)' /proc/self/status | tr -d '\\t'");
      expect(ran.text).toMatch(/^65532\n/);
      expect(ran.text).toMatch(/CapEff:0+\n/);
      expect(ran.text).toMatch(/CapPrm:0+\n/);
      expect(ran.text).toMatch(/NoNewPrivs:1\n/);
    });

    it("shows nothing of the host's environment", async () => {
      const ran = await run("env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'");
      expect(ran.text).not.toContain(SECRET);
      const names = new Set(ran.text.split("\n").flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []));
      // What a shell sets that has entered the folder.
      names.delete("OLDPWD");
      expect([...names].sort()).toEqual(["HOME", "LANG", "PATH", "PWD", "TMPDIR"]);
    });

    it("shows no file of the host", async () => {
      const paths = [
        join(folder, "canary"),
        `/proc/1/root${folder}/canary`,
        "/etc/shadow",
        "/root",
        "/var/run/docker.sock",
      ];
      const ran = await run(
        `for f in ${paths.join(" ")}; do cat $f 2>/dev/null || ls $f/ 2>/dev/null; done; true`,
      );
      expect(ran.text).toBe("");
    });

    it("has no network but its own loopback", async () => {
      const port = (listener.address() as { port: number }).port;
      const script = `for (const host of ["127.0.0.1", "172.17.0.1", "169.254.169.254", "8.8.8.8"]) {
        const s = require("net").connect(${port}, host); s.on("connect", () => console.log("connected", host));
        s.on("error", () => {}); setTimeout(() => s.destroy(), 300) }`;
      expect((await run("", { argv: ["node", "-e", script] })).text).toBe("");
      expect((await run("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '")).text).toBe("lo\n");
    });

    it("cannot write outside of its folders, nor change the toolchain", async () => {
      const places =
        "/ /etc /usr /usr/bin /opt /opt/toolchain /opt/toolchain/node_modules/.bin /dev /proc /sys /git";
      const ran = await run(`for d in ${places}; do (: > $d/x) 2>/dev/null && echo $d; done; true`);
      expect(ran.text).toBe("");
      expect(existsSync(join(toolchainDir, "x"))).toBe(false);
    });

    it("cannot reach the repository that snapshots are made from", async () => {
      await run("mkdir /git/repository && echo secret > /git/repository/x", { repository: true });
      expect(
        (await run("ls /git/repository; rm -rf /git/repository; chmod 777 /git; cat /git/repository/x")).text,
      ).toBe("");
      expect((await run("cat /git/repository/x", { repository: true })).text).toBe("secret\n");
    });

    it("cannot make namespaces or mounts, nor look into other processes", async () => {
      const ran = await run(
        "unshare -Ur true 2>/dev/null && echo unshare; mount -t tmpfs x /tmp 2>/dev/null && echo mount; " +
          "cat /proc/1/mem 2>/dev/null | head -c 1; kill -9 1 2>/dev/null; kill -STOP 1 2>/dev/null; true",
      );
      expect(ran.text).toBe("");
      expect(await run("echo alive")).toMatchObject({ ...CLEAN, text: "alive\n" });
    });

    it("keeps two sandboxes apart", async () => {
      const other = await bench.driver.create(LIMITS);
      try {
        await run("echo mine > file; echo mine > /tmp/file");
        expect((await run("cat file /tmp/file; ls -A", {}, other)).text).toBe("");
        const sleeping = run("sleep 30", { timeoutMs: 2_000 });
        expect((await run("grep -h '^Name:.sleep' /proc/[0-9]*/status | wc -l", {}, other)).text.trim()).toBe(
          "0",
        );
        expect(await run("kill -9 -1; true", {}, other)).toMatchObject({ exitCode: expect.anything() });
        expect(await sleeping).toMatchObject({ timedOut: true });
      } finally {
        await other.destroy();
      }
    });
  });

  describe("the workspace", () => {
    it("leaves as a bundle and comes back the same in another sandbox", async () => {
      expect(await restoreWorkspace(sandbox, null)).toBeNull();
      await run(
        "mkdir -p 'a b' && printf 'x\\r\\n\\0\\377' > 'a b/bytes' && echo run > tool && chmod 755 tool && git init -q n",
      );
      await run(
        "echo nested > n/file; mkdir node_modules && touch node_modules/left-out; chmod 600 tool; chmod u+x tool",
      );
      const first = await bundleWorkspace(sandbox, null, "first", 20_000);
      await run("echo more > more");
      const second = await bundleWorkspace(sandbox, first.commit, "second\n\nwith a body", 20_000);
      expect(second.bytes.toString()).toContain(`-${first.commit}`);
      const other = await bench.driver.create(LIMITS);
      try {
        expect(await restoreWorkspace(other, first.bytes)).toBe(first.commit);
        const listing = await run(
          "find . -type f | sort; od -An -c 'a b/bytes'; ./tool 2>&1 | tail -c 20; test -x tool",
          {},
          other,
        );
        expect(listing).toMatchObject({ exitCode: 0 });
        expect(listing.text).toContain("./a b/bytes\n./n/file\n./tool\n   x  \\r  \\n  \\0 377\n");
        await run("echo changed > tool", {}, other);
        expect((await bundleWorkspace(other, first.commit, "third", 20_000)).commit).not.toBe(second.commit);
      } finally {
        await other.destroy();
      }
    });

    it("that cannot be saved says why, and can be saved once it is mended", async () => {
      await restoreWorkspace(sandbox, null);
      await run("echo secret > closed && chmod 000 closed");
      await expect(bundleWorkspace(sandbox, null, "m", 20_000)).rejects.toThrow(
        /could not be saved: .*closed/s,
      );
      await run("chmod 644 closed");
      expect((await bundleWorkspace(sandbox, null, "m", 20_000)).commit).toMatch(/^[0-9a-f]{40}$/);
    });
  });

  describe("its end", () => {
    it("comes at once, whatever is running, and only once", async () => {
      const running = run("trap '' TERM; setsid sleep 1000 & sleep 1000", { timeoutMs: 100_000 });
      const ended = expect(running).rejects.toBeInstanceOf(SandboxError);
      await run("true");
      await Promise.all([sandbox.destroy(), sandbox.destroy()]);
      await ended;
      await expect(run("true")).rejects.toMatchObject({ name: "SandboxError", gone: true });
    });

    it("copes with a workspace that its owner has locked", async () => {
      await run("mkdir -p a/b/c && touch a/b/c/d && ln -s / a/link && mkfifo a/pipe && chmod 000 a/b a");
      await sandbox.destroy();
      expect(existsSync("/usr")).toBe(true);
    });

    it("is brought by the reaper only to what nobody owns", async () => {
      expect(await bench.driver.reap()).toBe(0);
      expect(await run("echo still here")).toMatchObject({ ...CLEAN, text: "still here\n" });
    });
  });

  it("dies with its runner", async () => {
    const server = await new ProtocolServer().start();
    const stateDir = mkdtempSync(join(folder, "runner-"));
    chmodSync(stateDir, 0o755);
    const own = { FABRICA_URL: server.url, FABRICA_RUNNER_TOKEN: "registration", RUNNER_STATE_DIR: stateDir };
    const start = () =>
      spawn(process.execPath, ["--import", "tsx", "runner/main.ts"], {
        cwd: join(import.meta.dirname, "../../.."),
        env: { PATH: process.env.PATH, NODE_ENV: "test", RUNNER_WORKERS: "1", ...own, ...bench.env },
        stdio: "ignore",
      });
    const mark = `sleep 7${process.pid}`;
    const first = start();
    server.offer({ limits: LIMITS });
    server.post(shell(`setsid ${mark} & ${mark}`, { timeout_ms: 100_000 }));
    await until(() => countOnHost(mark) >= 2, 30_000);
    expect(server.registrations[0]?.driver).toBe(name);
    first.kill("SIGKILL");
    await until(() => countOnHost(mark) === 0, 10_000);
    // The next life of the runner clears away what the kernel does not.
    const second = start();
    await until(() => server.registrations.length === 2, 30_000);
    second.kill("SIGTERM");
    await once(second, "exit");
    await server.stop();
    const mounts = readFileSync("/proc/self/mounts", "utf8");
    expect(mounts.split("\n").filter((line) => line.includes(stateDir))).toEqual([]);
  });

  it("refuses the system calls that have let programs out before", async () => {
    const script = `
import ctypes, os, platform, socket
x86 = platform.machine() == "x86_64"
calls = {"keyctl": (250, 219), "add_key": (248, 217), "io_uring_setup": (425, 425), "ptrace": (101, 117),
  "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "perf_event_open": (298, 241), "bpf": (321, 280),
  "userfaultfd": (323, 282), "pidfd_getfd": (438, 438), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40),
  "open_by_handle_at": (304, 265), "kexec_load": (246, 104), "init_module": (175, 105), "quotactl": (179, 60)}
libc = ctypes.CDLL(None, use_errno=True)
for name, numbers in calls.items():
    ctypes.set_errno(0)
    libc.syscall(numbers[0 if x86 else 1], 0, 0, 0, 0, 0, 0)
    if ctypes.get_errno() != 1: print(name, ctypes.get_errno())
for family in (40, 17, 38, 16):
    try: socket.socket(family, socket.SOCK_RAW, 9); print("socket", family)
    except PermissionError: pass
`;
    expect(await run("", { argv: ["python3", "-c", script] })).toMatchObject({
      ...CLEAN,
      text: "",
      stderr: "",
    });
  });

  onlyDocker("keeps its supervisor out of reach", async () => {
    const ran = await run(
      "for p in /proc/[0-9]*; do [ -O $p/status ] && continue; echo found; " +
        "for f in environ mem maps fd/0 fd/1 cwd/x root/x; do head -c 1 $p/$f 2>/dev/null && echo $p/$f; done; " +
        "(echo forged > $p/fd/1) 2>/dev/null && echo wrote; (echo 0 > $p/oom_score_adj) 2>/dev/null && echo score; " +
        "kill -STOP $(basename $p) 2>/dev/null && echo stopped; done; true",
    );
    expect(ran).toMatchObject({ ...CLEAN, text: "found\nfound\n" });
  });

  it("passes the probe", async () => {
    const { checks, programs } = await probe(bench.driver, `conformance-${process.pid}`);
    expect(checks.filter((check) => check.result === "fail")).toEqual([]);
    const warnings = checks.filter((check) => check.result === "warn").map((check) => check.name);
    expect(warnings).toEqual(name === "bubblewrap" ? ["isolation"] : []);
    expect(Object.keys(programs)).toEqual(expect.arrayContaining(["node", "python", "git"]));
  });
});
