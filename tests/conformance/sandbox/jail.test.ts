// What the jails in waiting must not change: commands run once, as if their jail had been made for them.

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import type { ExecOutcome, ExecRequest, Sandbox, SandboxDriver } from "@/runner/sandbox/port";
import { until } from "@/tests/support/protocol-server";

const LIMITS = { memory_mb: 192, work_mb: 32, tmp_mb: 8, inodes: 2_000, cpus: 1, pids: 48 };

/** How many jails wait when nothing happens. */
const WAITING = 2;

let stateDir: string;
let driver: SandboxDriver;
let sandbox: Sandbox;

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "fabrica-jail-"));
  chmodSync(stateDir, 0o755);
  driver = await createBubblewrapDriver({ stateDir, toolchainDir: null });
  sandbox = await driver.create(LIMITS);
});
afterEach(async () => {
  await sandbox.destroy();
  expect(processes()).toEqual([]);
  rmSync(stateDir, { recursive: true, force: true });
});

/** Processes of this machine that belong to a jail of this driver: bubblewrap names its folder on its command line. */
function processes(): number[] {
  const pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return pids.filter((pid) => read(`/proc/${pid}/cmdline`).includes(`${stateDir}/`)).map(Number);
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** The processes below bubblewrap that are the shells of jails in waiting. */
function waitingShells(): number[] {
  const below = (pid: number) => read(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter(Boolean);
  const firsts = processes().flatMap((pid) => below(pid).map(Number));
  return firsts.flatMap((pid) => below(pid).map(Number)).filter((pid) => isWaitingShell(pid));
}

function isWaitingShell(pid: number): boolean {
  // Its name is written before the score, which comes with the text that a jail gets first.
  return read(`/proc/${pid}/cmdline`) === "/bin/sh\0-s\0" && read(`/proc/${pid}/oom_score_adj`) === "800\n";
}

async function run(
  script: string,
  request: Partial<ExecRequest> = {},
): Promise<ExecOutcome & { text: string }> {
  let text = "";
  const onOutput = (_: string, data: Buffer) => {
    text += data.toString("utf8");
  };
  const common = { timeoutMs: 20_000, maxOutputBytes: 100_000, onOutput };
  return { ...(await sandbox.exec({ argv: ["sh", "-c", script], ...common, ...request })), text };
}

describe("a jail in waiting", () => {
  it("is there after every command and goes with the sandbox", async () => {
    for (let round = 0; round < 3; round++) {
      await until(() => waitingShells().length === WAITING, 10_000);
      expect(await run("echo here >> file; wc -l < file")).toMatchObject({
        exitCode: 0,
        text: `${round + 1}\n`,
      });
    }
    await until(() => waitingShells().length === WAITING, 10_000);
    await sandbox.destroy();
    expect(processes()).toEqual([]);
  });

  it("that is killed, also at the last moment, costs no command", async () => {
    for (let round = 0; round < 5; round++) {
      await until(() => waitingShells().length === WAITING, 10_000);
      for (const pid of waitingShells()) process.kill(pid, "SIGKILL");
      // Without a turn of the event loop nobody can have noticed it yet.
      expect(await run(`echo ${round} >> log; cat log | wc -l`)).toMatchObject({
        exitCode: 0,
        signal: null,
        outOfMemory: "no",
        text: `${round + 1}\n`,
      });
    }
  });

  it("is neither seen nor reached by the commands beside it", async () => {
    await until(() => waitingShells().length === WAITING, 10_000);
    const script =
      "sleep 0.3; cat /proc/[0-9]*/cmdline | tr '\\0' ' '; kill -9 -1; python3 -c 'import os; os.kill(-1, 9)'; true";
    const ran = await run(script);
    expect(ran.text.match(/sh -s/g)).toHaveLength(1);
    await until(() => waitingShells().length === WAITING, 10_000);
    const [pid] = waitingShells();
    expect(await run("exec 2>/dev/null; for i in 1 2 3; do kill -9 -1; done; true")).toMatchObject({
      killed: false,
    });
    expect(pid).toBeDefined();
    expect(await run("echo fine")).toMatchObject({ exitCode: 0, text: "fine\n" });
  });

  it("counts time and memory from its order on", async () => {
    await until(() => waitingShells().length === WAITING, 10_000);
    await run("head -c 50000000 /dev/zero | tail -n 1 | wc -c");
    await until(() => waitingShells().length === WAITING, 10_000);
    const started = performance.now();
    const ran = await run("true");
    expect(ran.durationMs).toBeLessThanOrEqual(performance.now() - started);
    expect(ran.maxRssKb).toBeLessThan(40_000);
  });

  it("leaves a command the processes and the memory that it was promised", async () => {
    await until(() => waitingShells().length === WAITING, 10_000);
    // Beside the sleeping ones there are the shell itself and one to read the list.
    const script =
      `i=0; while [ $i -lt ${LIMITS.pids - 2} ]; do sleep 5 & i=$((i+1)); done; ` +
      "jobs -p > list; kill $(cat list); wc -l < list";
    const many = await run(script);
    expect(many).toMatchObject({ exitCode: 0, text: `${LIMITS.pids - 2}\n` });
    const bytes = (LIMITS.memory_mb - 16) * 1024 * 1024;
    const fill = await run("", { argv: ["python3", "-c", `x = bytearray(${bytes}); print(len(x))`] });
    expect(fill).toMatchObject({ exitCode: 0, outOfMemory: "no", text: `${bytes}\n` });
  });

  it("keeps the commands of many sandboxes at their own work", async () => {
    const others = await Promise.all([1, 2, 3].map(() => driver.create(LIMITS)));
    try {
      const all = [sandbox, ...others];
      const results = await Promise.all(
        all.flatMap((each, n) => [0, 1, 2].map((m) => each.exec({ ...request(`echo ${n}${m} >> f`) }))),
      );
      expect(results.map((result) => result.exitCode)).toEqual(results.map(() => 0));
      for (const [n, each] of all.entries()) {
        let text = "";
        await each.exec({ ...request("sort f | tr '\\n' ' '"), onOutput: (_, data) => (text += data) });
        expect(text).toBe(`${n}0 ${n}1 ${n}2 `);
      }
    } finally {
      await Promise.all(others.map((other) => other.destroy()));
    }
  });
});

function request(script: string): ExecRequest {
  return { argv: ["sh", "-c", script], timeoutMs: 20_000, maxOutputBytes: 1_000 };
}
