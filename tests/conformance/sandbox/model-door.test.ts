// What an external agent's program gets of the world, in both kinds of sandbox: one door, the folder that its host lends,
// and an end when the host says so.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import { createDockerDriver } from "@/runner/sandbox/docker";
import type { ExecRequest, Sandbox, SandboxDriver } from "@/runner/sandbox/port";
import { bundleSupervisor, startDocker } from "@/tests/support/docker";

const LIMITS = { memory_mb: 512, work_mb: 64, tmp_mb: 32, inodes: 5_000, cpus: 2, pids: 128 };
/** Asks the model five times at once and other places, and says what came of it. */
const AGENT = `
const { request } = require("node:http");
const { connect } = require("node:net");
const ask = (url, body) => new Promise((resolve) => {
  const call = request(url, { method: "POST" }, (response) => {
    let text = "";
    response.on("data", (part) => { text += part; });
    response.on("end", () => resolve(response.statusCode + " " + text.length));
    response.on("error", () => resolve("cut"));
  });
  call.on("error", (error) => resolve(error.code));
  call.end(body);
});
const reach = (host, port) => new Promise((resolve) => {
  const socket = connect({ host, port, timeout: 1500 });
  socket.on("connect", () => { socket.destroy(); resolve("open"); });
  socket.on("error", () => resolve("shut")).on("timeout", () => { socket.destroy(); resolve("shut"); });
});
(async () => {
  const { ANTHROPIC_BASE_URL: base, ANTHROPIC_API_KEY: key } = process.env;
  const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => ask(base + "/v1/messages", "x".repeat(n * 300_000))));
  const others = await Promise.all([reach("127.0.0.1", Number(process.argv[1])), reach("169.254.169.254", 80)]);
  console.log(JSON.stringify({ key, answers, others }));
})();`;

let folder: string;
let model: Server;
let asked: number[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-door-"));
  chmodSync(folder, 0o711);
  mkdirSync(join(folder, "tools/bin"), { recursive: true });
  writeFileSync(join(folder, "tools/bin/agent"), "#!/bin/sh\necho lent\n", { mode: 0o755 });
  asked = [];
  model = createServer((request, response) => {
    let size = 0;
    request.on("data", (part: Buffer) => {
      size += part.length;
    });
    request.on("end", () => {
      asked.push(size);
      response.end("a".repeat(400_000));
    });
  });
  await new Promise<void>((resolve) => model.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  model.close();
  rmSync(folder, { recursive: true, force: true });
});

const portOf = () => (model.address() as AddressInfo).port;
const door = { connect: () => connect({ port: portOf(), host: "127.0.0.1", allowHalfOpen: true }) };

interface Opened {
  driver: SandboxDriver;
  close(): Promise<void>;
}

async function openBubblewrap(): Promise<Opened> {
  const supervisor = join(folder, "supervisor.cjs");
  await bundleSupervisor(supervisor);
  const options = {
    stateDir: join(folder, "state"),
    toolchainDir: null,
    toolsDir: join(folder, "tools"),
    supervisor,
  };
  const driver = await createBubblewrapDriver(options);
  return { driver, close: async () => void (await driver.reap()) };
}

async function openDocker(): Promise<Opened> {
  const daemon = await startDocker();
  const { host: dockerHost, image, supervisor } = daemon;
  const toolsDir = join(folder, "tools");
  const options = {
    dockerHost,
    image,
    runtime: null,
    supervisor,
    toolchainDir: null,
    toolsDir,
    instance: "door",
  };
  return { driver: await createDockerDriver(options), close: () => daemon.stop() };
}

describe.each([
  ["bubblewrap", openBubblewrap],
  ["docker", openDocker],
] as const)("in %s", (_, open) => {
  let opened: Opened;
  let sandbox: Sandbox;
  beforeAll(async () => {
    opened = await open();
    sandbox = await opened.driver.create(LIMITS);
  }, 300_000);
  afterAll(async () => {
    await sandbox?.destroy();
    await opened?.close();
  }, 60_000);

  async function run(argv: string[], more: Partial<ExecRequest> = {}) {
    const output: Buffer[] = [];
    const outcome = await sandbox.exec({
      argv,
      timeoutMs: 30_000,
      maxOutputBytes: 1_000_000,
      onOutput: (stream, data) => void (stream === "stdout" && output.push(data)),
      ...more,
    });
    return { outcome, output: Buffer.concat(output).toString("utf8").trim() };
  }

  it("a program reaches the door, with several large questions at once, and nothing else", async () => {
    asked.splice(0);
    const { outcome, output } = await run(["node", "-e", AGENT, String(portOf())], { network: door });
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(output)).toEqual({
      key: "the-factory-has-it",
      answers: Array.from({ length: 5 }, () => "200 400000"),
      others: ["shut", "shut"],
    });
    expect(asked.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5].map((n) => n * 300_000));
    expect(outcome.network).toMatchObject({ connections: 5, refused: [] });
  });

  it("without one there is neither an address nor a key", async () => {
    const { output } = await run(["sh", "-c", 'echo "$ANTHROPIC_BASE_URL$ANTHROPIC_API_KEY"']);
    expect(output).toBe("");
  });

  it("a door that leads nowhere is told as such", async () => {
    const nowhere = { connect: () => connect({ path: join(folder, "no-such-socket") }) };
    const { output } = await run(["node", "-e", AGENT, "1"], { network: nowhere });
    // A large question may still be on its way when the answer comes, and is cut off.
    for (const answer of JSON.parse(output).answers) expect(answer).toMatch(/^(502 \d+|cut|E[A-Z]+)$/);
  });

  it("the lent folder can be read and run, and not be written", async () => {
    expect((await run(["/opt/agent/bin/agent"])).output).toBe("lent");
    const { outcome } = await run(["sh", "-c", "echo x > /opt/agent/bin/agent"]);
    expect(outcome.exitCode).not.toBe(0);
    expect((await run(["/opt/agent/bin/agent"])).output).toBe("lent");
  });

  it("a program ends when its host says so; its sandbox and its files stay", async () => {
    const stop = new AbortController();
    const running = run(["sh", "-c", "echo kept > kept.txt; echo begun; sleep 60 & sleep 60"], {
      signal: stop.signal,
      network: door,
      onOutput: () => stop.abort(),
    });
    const { outcome } = await running;
    expect(outcome).toMatchObject({ exitCode: null, signal: "SIGKILL", timedOut: false, killed: true });
    expect((await run(["cat", "kept.txt"])).output).toBe("kept");
    const early = await run(["sleep", "60"], { signal: AbortSignal.abort() });
    expect(early.outcome).toMatchObject({ signal: "SIGKILL", killed: true, timedOut: false });
  });
});
