import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ProtocolServer, SNAPSHOT, shell, until } from "@/tests/support/protocol-server";

const ROOT = join(import.meta.dirname, "..");

let stateDir: string;
let server: ProtocolServer;
let runners: ChildProcess[];
let log: string;

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "fabrica-main-"));
  chmodSync(stateDir, 0o755);
  server = await new ProtocolServer().start();
  runners = [];
  log = "";
});
afterEach(async () => {
  for (const runner of runners.filter(
    (process) => process.exitCode === null && process.signalCode === null,
  )) {
    runner.kill("SIGTERM");
    await once(runner, "exit");
  }
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

function start(env: Record<string, string> = {}): ChildProcess {
  const runner = spawn(process.execPath, ["--import", "tsx", "runner/main.ts"], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: "test",
      FABRICA_URL: server.url,
      FABRICA_RUNNER_TOKEN: "registration",
      RUNNER_WORKERS: "1",
      RUNNER_DRIVER: "bubblewrap",
      RUNNER_STATE_DIR: stateDir,
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const read = (data: Buffer) => {
    log += data.toString("utf8");
  };
  runner.stdout.on("data", read);
  runner.stderr.on("data", read);
  runners.push(runner);
  return runner;
}

/** Mounts and control groups that carry this test's state folder. */
function traces(): string[] {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  return mounts.filter((line) => line.includes(stateDir));
}

describe("the runner process", () => {
  it("proves its sandbox, registers, works, and stops in good order", async () => {
    const runner = start();
    server.offer();
    const { result } = await server.run(shell("id -u; pwd; node --version"));
    expect(result.stdout).toBe(`65532\n/work\n${process.version}\n`);
    const [registration] = server.registrations;
    expect(registration).toMatchObject({ protocol: 1, slots: 1, driver: "bubblewrap" });
    expect(registration?.probe.filter((check) => check.result === "fail")).toEqual([]);
    expect(registration?.probe.length).toBeGreaterThan(10);
    expect(registration?.programs.node).toBe(process.versions.node);
    runner.kill("SIGTERM");
    expect(await once(runner, "exit")).toEqual([0, null]);
    expect(server.failures.map((failure) => failure.code)).toEqual(["runner_stopped"]);
    expect(server.deregistered).toBe(1);
    expect(traces()).toEqual([]);
  });

  it("comes back after a sudden end, as the same runner, and removes what was left", async () => {
    const first = start();
    server.offer();
    await server.run(shell("echo kept > file"));
    await server.run(SNAPSHOT);
    server.post(shell("sleep 1000", { timeout_ms: 100_000 }));
    first.kill("SIGKILL");
    await once(first, "exit");
    server.offer();
    start();
    expect((await server.run(shell("cat file"))).result.stdout).toBe("kept\n");
    const [before, after] = server.registrations;
    expect(before?.runner_id).toBeUndefined();
    expect(after?.runner_id).toEqual(expect.any(String));
    expect(statSync(join(stateDir, "runner.json")).mode & 0o777).toBe(0o600);
    // Three file systems of the one live sandbox, and none of the dead one.
    expect(traces()).toHaveLength(3);
  });

  it("registers again when the app has forgotten it", async () => {
    start();
    server.offer();
    await server.run(shell("true"));
    server.faults.push({ path: "/heartbeat", status: 401 });
    await until(() => server.registrations.length === 2, 30_000);
    server.offer();
    expect((await server.run(shell("echo back"))).result.stdout).toBe("back\n");
  });

  it("waits for an app that is not there yet", async () => {
    server.faults.push({ path: "/register", status: 503 });
    start();
    server.offer();
    expect((await server.run(shell("echo up"))).result.stdout).toBe("up\n");
    expect(log).toContain("waiting for the app");
  });

  it("claims nothing while it is drained, and leaves for good when it is killed", async () => {
    const runner = start();
    const job = server.offer();
    await server.run(shell("true"));
    server.idleAction = "drain";
    job.action = "drain";
    expect((await server.run(shell("sleep 0.5; echo finished"))).result.stdout).toBe("finished\n");
    job.over = true;
    const claims = () => server.seen.filter((line) => line.endsWith("/claim")).length;
    const before = claims();
    const beats = server.seen.length;
    await until(() => server.seen.length > beats + 4);
    expect(claims()).toBe(before);
    server.idleAction = "none";
    server.offer();
    expect((await server.run(shell("echo again"))).result.stdout).toBe("again\n");
    server.idleAction = "kill";
    server.post(shell("sleep 60", { timeout_ms: 60_000 }));
    server.current.action = "kill";
    expect(await once(runner, "exit")).toEqual([0, null]);
    expect(server.deregistered).toBe(1);
    expect(traces()).toEqual([]);
  });

  it.each([
    [{ FABRICA_RUNNER_TOKEN: "wrong" }, "The app refused this runner"],
    [{ FABRICA_RUNNER_TOKEN: "" }, "FABRICA_RUNNER_TOKEN"],
    [{ RUNNER_TOOLCHAIN_DIR: "/nonexistent" }, "/nonexistent does not exist"],
  ])("ends with one plain sentence: %o", async (env, sentence) => {
    const [code] = await once(start(env), "close");
    expect(code).toBe(1);
    expect(log).toContain(sentence);
    expect(log).not.toContain("    at ");
  });

  it("refuses a state folder that a live runner uses", async () => {
    start();
    await until(() => server.registrations.length === 1, 30_000);
    const [code] = await once(start(), "close");
    expect(code).toBe(1);
    expect(log).toContain("its own RUNNER_STATE_DIR");
  });
});
