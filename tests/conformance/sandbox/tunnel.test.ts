// The tunnel to package registries in real containers: npm installs through it from a registry on this machine, and
// hostile programs get nothing else out of it.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { GatewayOptions } from "@/runner/network/gateway";
import { createDockerDriver } from "@/runner/sandbox/docker";
import { type ExecOutcome, type ExecRequest, RequestError, type Sandbox } from "@/runner/sandbox/port";
import { type DockerDaemon, startDocker } from "@/tests/support/docker";
import { listenApart } from "@/tests/support/listen-apart";
import { until } from "@/tests/support/protocol-server";

const LIMITS = { memory_mb: 512, work_mb: 64, tmp_mb: 32, inodes: 5_000, cpus: 2, pids: 128 };
const MAX_CONNECTIONS = 8;
/** More than what the kernel inside holds for a program that does not read. */
const MAX_BYTES = 24 * 1024 * 1024;
const MIRROR = "registry.test";

let folder: string;
let daemon: DockerDaemon;
let registry: HttpsServer;
let endless: Server;
let network: GatewayOptions;
let sandbox: Sandbox;
let certificate: string;
let mirror: string;
let sink: string;

/** A tar archive with one file. */
function tar(path: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  const field = (text: string, at: number) => header.write(text, at, "latin1");
  field(path, 0);
  field("0000644\0", 100);
  field(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  field("00000000000\0", 136);
  field("        0", 148);
  field("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  field(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content, "latin1");
  return Buffer.concat([header, body, Buffer.alloc(1024)]);
}

/** A registry with the one package that the test installs. */
function serveRegistry(key: string): HttpsServer {
  const manifest = { name: "small-package", version: "1.2.3" };
  const archive = gzipSync(tar("package/package.json", JSON.stringify(manifest)));
  const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  return createHttpsServer({ key, cert: certificate }, (request, response) => {
    if (request.url?.endsWith(".tgz")) {
      response.end(archive);
      return;
    }
    const dist = { tarball: `https://${mirror}/small-package.tgz`, integrity };
    const versions = { "1.2.3": { ...manifest, dist } };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ name: manifest.name, "dist-tags": { latest: "1.2.3" }, versions }));
  });
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;
const openTo = (server: Server): Promise<number> =>
  new Promise((resolve) => server.getConnections((_, count) => resolve(count)));

async function allClosed(server: Server): Promise<void> {
  let open = 1;
  const look = () => void openTo(server).then((count) => (open = count));
  await until(() => {
    look();
    return open === 0;
  }, 10_000);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-tunnel-"));
  const npm = dirname(dirname(realpathSync(execFileSync("which", ["npm"], { encoding: "utf8" }).trim())));
  cpSync(npm, join(folder, "toolchain/node_modules/npm"), { recursive: true });
  const files = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
  const name = ["-subj", `/CN=${MIRROR}`, "-addext", `subjectAltName=DNS:${MIRROR}`];
  const shape = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const out = ["-keyout", files.key, "-out", files.cert];
  execFileSync("openssl", ["req", ...shape, ...name, ...out], { stdio: "ignore" });
  certificate = readFileSync(files.cert, "utf8");
  registry = serveRegistry(readFileSync(files.key, "utf8"));
  // Sends for as long as somebody takes it.
  endless = createServer((socket) => {
    const piece = Buffer.alloc(64 * 1024);
    const more = () => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on("error", () => {}).on("drain", more);
    more();
  });
  for (const server of [registry, endless]) await listenApart(server);
  mirror = `${MIRROR}:${portOf(registry)}`;
  sink = `${MIRROR}:${portOf(endless)}`;
  network = {
    access: {
      hosts: ["rebound.test", "registry.npmjs.org"],
      mirrors: [mirror, sink],
      maxBytes: MAX_BYTES,
      maxConnections: MAX_CONNECTIONS,
    },
    resolve: async (host) => (host === MIRROR ? ["127.0.0.1"] : ["169.254.169.254"]),
  };
  daemon = await startDocker();
}, 600_000);
afterAll(async () => {
  await daemon?.stop();
  for (const server of [registry, endless]) server?.close();
  rmSync(folder, { recursive: true, force: true });
});

function driver(options: GatewayOptions | null) {
  const { host: dockerHost, image, supervisor } = daemon;
  const toolchainDir = join(folder, "toolchain");
  const own = { dockerHost, image, supervisor, toolchainDir, runtime: null, instance: "tunnel" };
  return createDockerDriver({ ...own, network: options });
}

interface Ran extends ExecOutcome {
  text: string;
}

async function run(argv: string[], request: Partial<ExecRequest> = {}): Promise<Ran> {
  let text = "";
  const outcome = await sandbox.exec({
    argv,
    network: "registries",
    timeoutMs: 60_000,
    maxOutputBytes: 1024 * 1024,
    onOutput: (_, data) => {
      text += data.toString("utf8");
    },
    ...request,
  });
  return { ...outcome, text };
}

/** Programs in the sandbox; `dial(target)` resolves with the first line of the proxy's answer and the socket. */
const DIAL = `
const net = require("net"), proxy = new URL(process.env.HTTPS_PROXY);
const dial = (target) => new Promise((resolve) => {
  const socket = net.connect(proxy.port, proxy.hostname, () => socket.write("CONNECT " + target + " HTTP/1.1\\r\\n\\r\\n"));
  let text = "";
  socket.on("data", (data) => { text += data.toString("latin1"); if (text.includes("\\r\\n\\r\\n")) {
    socket.removeAllListeners("data"); socket.pause(); resolve([text.split("\\r\\n")[0], socket]) } });
  socket.on("error", () => resolve(["error", socket])).on("close", () => resolve(["closed", socket]));
});`;
const node = (script: string, request: Partial<ExecRequest> = {}) =>
  run(["node", "-e", `${DIAL}\n(async () => {${script}})()`], request);

describe("the tunnel of a container", () => {
  beforeEach(async () => {
    sandbox = await (await driver(network)).create(LIMITS);
  });
  afterEach(async () => {
    await sandbox.destroy();
    await allClosed(registry);
    await allClosed(endless);
  });

  it("lets npm install a package, and counts what it took", async () => {
    await run(["sh", "-c", "cat > ca.pem; echo '{}' > package.json"], { stdin: Buffer.from(certificate) });
    const npm = ["node", "/opt/toolchain/node_modules/npm/bin/npm-cli.js"];
    const options = [`--registry=https://${mirror}/`, "--cafile=/work/ca.pem", "--no-audit", "--no-fund"];
    const ran = await run([...npm, "install", "small-package", ...options]);
    expect(ran).toMatchObject({ exitCode: 0, leftovers: 0 });
    expect(ran.network).toMatchObject({ capped: false, refused: [] });
    expect(ran.network?.connections).toBeGreaterThan(0);
    expect(ran.network?.bytesIn).toBeGreaterThan(1_000);
    expect((await run(["cat", "node_modules/small-package/package.json"])).text).toContain("1.2.3");
    const lock = JSON.parse((await run(["cat", "package-lock.json"])).text);
    expect(lock.packages["node_modules/small-package"].integrity).toMatch(/^sha512-/);
  });

  it("is there only for the command that asked for it", async () => {
    const beside = node("setTimeout(() => {}, 1500)");
    const script = "env | grep -ci proxy; true";
    expect((await run(["sh", "-c", script], { network: undefined })).text).toBe("0\n");
    await beside;
    const port = (await node("console.log(proxy.port)")).text.trim();
    const listening = "grep -c ' 0A ' /proc/net/tcp /proc/net/tcp6 | cut -d: -f2";
    expect((await run(["sh", "-c", listening], { network: undefined })).text).toBe("0\n0\n");
    const again = `require("net").connect(${port}, "127.0.0.1").on("error", (error) => console.log(error.code))`;
    expect((await run(["node", "-e", again], { network: undefined })).text).toBe("ECONNREFUSED\n");
  });

  it("passes input and output of its command as ever", async () => {
    const large = Buffer.alloc(1_000_000, "x");
    expect((await run(["wc", "-c"], { stdin: large })).text.trim()).toBe("1000000");
    expect(await run(["sh", "-c", "exit 7"])).toMatchObject({ exitCode: 7 });
    expect(await run(["no-such-program"])).toMatchObject({ exitCode: 127 });
    expect(await run(["sleep", "60"], { timeoutMs: 300 })).toMatchObject({ timedOut: true });
  });

  it("leads nowhere else", async () => {
    const targets = [
      "elsewhere.test:443",
      "registry.npmjs.org:80",
      "rebound.test:443",
      "169.254.169.254:80",
      "127.0.0.1:443",
      "[::1]:443",
      "[::ffff:169.254.169.254]:443",
      `${MIRROR}:1`,
      `127.0.0.1:${portOf(registry)}`,
      "2130706433:443",
    ];
    const ran = await node(`for (const target of ${JSON.stringify(targets)}) {
      const [line, socket] = await dial(target); console.log(line); socket.destroy() }`);
    expect(ran.text.trim().split("\n")).toEqual(targets.map(() => "HTTP/1.1 403 Refused"));
    expect(ran.network).toMatchObject({ connections: 0, bytesIn: 0, bytesOut: 0 });
    expect(ran.network?.refused).toEqual(
      expect.arrayContaining([
        "elsewhere.test is not an allowed registry.",
        "Only port 443 is allowed, not 80.",
        "rebound.test has an address that is not public.",
      ]),
    );
    const plain = await node(`const http = require("http");
      http.get({ host: proxy.hostname, port: proxy.port, path: "http://registry.npmjs.org/" }, (answer) => {
        console.log(answer.statusCode); answer.resume() })`);
    expect(plain.text).toBe("403\n");
    const direct = await node(
      `net.connect(${portOf(registry)}, "127.0.0.1").on("error", (e) => console.log(e.code))`,
    );
    expect(direct.text).toBe("ECONNREFUSED\n");
  });

  it("keeps its cap on connections, and the sandbox alive, against a thousand", async () => {
    const ran =
      await node(`const all = await Promise.all(Array.from({ length: 1000 }, () => dial("${mirror}")));
      console.log(all.filter(([line]) => line.includes(" 200 ")).length); process.exit()`);
    expect(ran.text).toBe(`${MAX_CONNECTIONS}\n`);
    expect(ran.network?.refused).toEqual([
      `More than ${MAX_CONNECTIONS} connections at a time are not allowed.`,
    ]);
    expect((await run(["echo", "alive"])).text).toBe("alive\n");
  });

  it("stops at the cap on bytes", async () => {
    const ran = await node(`const [, socket] = await dial("${sink}"); let count = 0;
      socket.on("data", (data) => { count += data.length }).on("close", async () => {
        console.log(count > 1e6 && count <= ${MAX_BYTES}, (await dial("${mirror}"))[0]); process.exit() }).resume()`);
    expect(ran.text).toBe("true HTTP/1.1 403 Refused\n");
    expect(ran.network).toMatchObject({ capped: true });
  });

  it("does not fill up for a program that does not read", async () => {
    const ran = await node(`const [line] = await dial("${sink}"); console.log(line);
      setTimeout(() => process.exit(), 1500)`);
    expect(ran.text).toContain("200");
    expect(ran).toMatchObject({ exitCode: 0, outOfMemory: "no" });
    expect(ran.network?.bytesIn).toBeLessThan(MAX_BYTES);
    expect(ran.network?.capped).toBe(false);
  });

  it("ends with the sandbox", async () => {
    // A socket that nobody reads keeps no program alive once it is full.
    const running = node(`await dial("${sink}"); console.log("open"); setInterval(() => {}, 1000)`, {
      onOutput: () => opened(),
    });
    let opened = () => {};
    const open = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const ended = expect(running).rejects.toMatchObject({ name: "SandboxError", gone: true });
    await open;
    expect(await openTo(endless)).toBe(1);
    await sandbox.destroy();
    await ended;
    await allClosed(endless);
  });

  it("is refused by a runner that has none to give", async () => {
    const other = await (await driver(null)).create(LIMITS);
    try {
      const request = { argv: ["true"], timeoutMs: 5_000, maxOutputBytes: 100 };
      await expect(other.exec({ ...request, network: "registries" })).rejects.toBeInstanceOf(RequestError);
      expect(await other.exec(request)).toMatchObject({ exitCode: 0 });
    } finally {
      await other.destroy();
    }
  });
});
