// A jailed command on its way to package registries, through the driver: what is allowed, what is not, what is counted.

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import { type ExecRequest, RequestError, type Sandbox } from "@/runner/sandbox/port";
import { bundleSupervisor } from "@/tests/support/docker";
import { listenApart } from "@/tests/support/listen-apart";

const LIMITS = { memory_mb: 256, work_mb: 32, tmp_mb: 8, inodes: 2_000, cpus: 2, pids: 64 };
const DIAL = (to: string) => `const net = require("net"), proxy = new URL(process.env.https_proxy);
  const socket = net.connect(proxy.port, proxy.hostname, () => socket.write("CONNECT ${to} HTTP/1.1\\r\\n\\r\\n"));
  socket.on("data", (data) => process.stdout.write(data)).on("end", () => process.exit(3))`;

let stateDir: string;
let server: Server;
let target: string;
let sandbox: Sandbox;

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "fabrica-jail-network-"));
  chmodSync(stateDir, 0o755);
  const supervisor = join(stateDir, "supervisor.cjs");
  await bundleSupervisor(supervisor);
  server = createServer((socket) => void socket.on("error", () => {}).end("hello from outside"));
  await listenApart(server);
  target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const registries = { hosts: [], mirrors: [target], maxBytes: 1e6, maxConnections: 4 };
  const driver = await createBubblewrapDriver({ stateDir, toolchainDir: null, supervisor, registries });
  sandbox = await driver.create(LIMITS);
});
afterAll(async () => {
  await sandbox.destroy();
  server.close();
  rmSync(stateDir, { recursive: true, force: true });
});

async function run(argv: string[], request: Partial<ExecRequest> = {}) {
  let text = "";
  const onOutput = (_: string, data: Buffer) => {
    text += data.toString("utf8");
  };
  const common = { timeoutMs: 20_000, maxOutputBytes: 100_000, onOutput, network: "registries" as const };
  return { ...(await sandbox.exec({ argv, ...common, ...request })), text };
}

describe("a command in a jail that may reach registries", () => {
  it("reaches what is allowed, keeps its own end, and is counted", async () => {
    const ran = await run(["node", "-e", DIAL(target)], { env: { A: "b" } });
    expect(ran).toMatchObject({ exitCode: 3, timedOut: false, leftovers: 0 });
    expect(ran.text).toMatch(/^HTTP\/1.1 200 .*hello from outside$/s);
    expect(ran.network).toMatchObject({ connections: 1, bytesIn: 18, refused: [] });
  });

  it("reaches nothing else", async () => {
    const ran = await run(["node", "-e", DIAL("elsewhere.test:443")]);
    expect(ran.text).toMatch(/^HTTP\/1.1 403 /);
    expect(ran.network?.refused).toHaveLength(1);
    const direct = `require("net").connect(${target.split(":")[1]}, "127.0.0.1").on("error", (e) => console.log(e.code))`;
    expect((await run(["node", "-e", direct])).text).toBe("ECONNREFUSED\n");
  });

  it("gets its input, variables and folder as ever, and no socket of the runner", async () => {
    const script = 'pwd; cat; echo "$A"; ls /proc/self/fd | tr "\\n" " "; exit 5';
    const ran = await run(["sh", "-c", script], { env: { A: "x y" }, stdin: Buffer.from("in\n") });
    expect(ran).toMatchObject({ exitCode: 5, text: "/work\nin\nx y\n0 1 2 3 " });
    expect(await run(["no-such-program"])).toMatchObject({ exitCode: 127 });
    expect(await run(["sh", "-c", "kill -KILL $$"])).toMatchObject({ exitCode: null, signal: "SIGKILL" });
  });

  it("is stopped in time with all it has started", async () => {
    const ran = await run(["sh", "-c", "setsid sleep 4000 & sleep 4000"], { timeoutMs: 1_500 });
    expect(ran).toMatchObject({ timedOut: true, killed: true });
  });

  it("has it for itself: the next command has no network", async () => {
    const ran = await run(["sh", "-c", "env | grep -i proxy; true"], { network: undefined });
    expect(ran.text).toBe("");
    expect(ran.network).toBeUndefined();
  });

  it("is refused by a runner that gives none", async () => {
    const driver = await createBubblewrapDriver({ stateDir, toolchainDir: null });
    const other = await driver.create(LIMITS);
    try {
      const request = {
        argv: ["true"],
        timeoutMs: 5_000,
        maxOutputBytes: 10,
        network: "registries" as const,
      };
      await expect(other.exec(request)).rejects.toBeInstanceOf(RequestError);
    } finally {
      await other.destroy();
    }
  });
});
