// The relay that carries the tunnel into a jail, in a real one: a network namespace of its own behind bubblewrap.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TunnelGateway } from "@/runner/network/gateway";
import { linkGateway } from "@/runner/network/link-gateway";
import { FRAME } from "@/runner/supervisor/frames";
import { bundleSupervisor } from "@/tests/support/docker";
import { listenApart } from "@/tests/support/listen-apart";
import { until } from "@/tests/support/protocol-server";

const CHANNEL = 7;
const JAIL =
  "--unshare-all --unshare-user --die-with-parent --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp";

let folder: string;
let source: string;
let server: Server;
let target: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-relay-"));
  await bundleSupervisor(join(folder, "supervisor.cjs"));
  source = readFileSync(join(folder, "supervisor.cjs"), "utf8");
  server = createServer((socket) => void socket.on("error", () => {}).end("hello from outside"));
  await listenApart(server);
  target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function jail(argv: string[]): { child: ChildProcess; channel: Duplex } {
  const stdio = Array.from({ length: CHANNEL + 1 }, (_, fd) =>
    [1, 2, CHANNEL].includes(fd) ? ("pipe" as const) : ("ignore" as const),
  );
  const child = spawn("bwrap", [...JAIL.split(" "), ...argv], {
    stdio,
    env: { PATH: process.env.PATH } as never,
  });
  return { child, channel: (child.stdio as unknown as Duplex[])[CHANNEL] as Duplex };
}

const gatewayOf = () =>
  new TunnelGateway({ access: { hosts: [], mirrors: [target], maxBytes: 1e6, maxConnections: 4 } });

async function run(argv: string[]) {
  const { child, channel } = jail([process.execPath, "-e", source, "relay", String(CHANNEL), ...argv]);
  const gateway = gatewayOf();
  linkGateway(gateway, channel);
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout as never), text(child.stderr as never)]);
  return { code: await closed, stdout, stderr, report: gateway.report() };
}

const DIAL = (to: string) => `const net = require("net"), proxy = new URL(process.env.https_proxy);
  const socket = net.connect(proxy.port, proxy.hostname, () => socket.write("CONNECT ${to} HTTP/1.1\\r\\n\\r\\n"));
  socket.on("data", (data) => process.stdout.write(data)).on("end", () => process.exit(3))`;

describe("the tunnel of a jail", () => {
  it("leads to what is allowed, and the program's end is the relay's", async () => {
    const ran = await run([process.execPath, "-e", DIAL(target)]);
    expect(ran).toMatchObject({ code: 3, stderr: "" });
    expect(ran.stdout).toMatch(/^HTTP\/1.1 200 .*hello from outside$/s);
    expect(ran.report).toMatchObject({ connections: 1, bytesIn: 18, refused: [] });
  });

  it("leads nowhere else, and there is no other network", async () => {
    const ran = await run([process.execPath, "-e", DIAL("elsewhere.test:443")]);
    expect(ran.stdout).toMatch(/^HTTP\/1.1 403 /);
    const direct = `require("net").connect(${target.split(":")[1]}, "127.0.0.1").on("error", (e) => console.log(e.code))`;
    expect((await run([process.execPath, "-e", direct])).stdout).toBe("ECONNREFUSED\n");
  });

  it("keeps the runner's socket from the program, and tells its end as a shell does", async () => {
    expect((await run(["sh", "-c", "ls /proc/self/fd | grep -x 7; kill -KILL $$"])).code).toBe(137);
    expect((await run(["sh", "-c", "ls /proc/self/fd | grep -cx 7; true"])).stdout).toBe("0\n");
    expect((await run(["no-such-program"])).code).toBe(127);
  });

  it.each([
    ["what is no frame", "Buffer.alloc(1000, 255)"],
    ["a frame without a connection", `Buffer.from([0, 0, 0, 2, 0, 0, 0, 0, ${FRAME.tunnelDataOut}, 0, 0])`],
  ])("ends, and harms nobody, for a program that sends %s", async (_, bytes) => {
    const { child, channel } = jail([
      process.execPath,
      "-e",
      `const s = new (require("net").Socket)({ fd: ${CHANNEL}, writable: true }); s.write(${bytes}); setTimeout(() => {}, 60000)`,
    ]);
    linkGateway(gatewayOf(), channel);
    try {
      await until(() => channel.destroyed, 10_000);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("does not pile up refusals for a program that does not read them", async () => {
    const open = Buffer.from([0, 0, 0, 5, 0, 0, 0, 0, FRAME.tunnelOpen, 0, 0, 0, 1, 120]);
    const flood = `const s = new (require("net").Socket)({ fd: ${CHANNEL}, readable: false, writable: true });
      const many = Buffer.concat(Array(5000).fill(Buffer.from("${open.toString("hex")}", "hex")));
      let n = 0; const more = () => { while (n++ < 400 && s.write(many)); }; s.on("drain", more); more();
      setTimeout(() => {}, 60000)`;
    const { child, channel } = jail([process.execPath, "-e", flood]);
    linkGateway(gatewayOf(), channel);
    try {
      await until(() => channel.isPaused(), 20_000);
      expect(channel.writableLength).toBeLessThan(4_000_000);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
