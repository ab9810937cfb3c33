// Hostile programs against both drivers: each is classified rightly, its sandbox is usable afterwards or says that it
// is not, nothing of it is left, and nothing of the host has changed.

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExecRequest, Sandbox } from "@/runner/sandbox/port";
import { restoreWorkspace } from "@/runner/workspace";
import { type Bench, DRIVERS } from "./drivers";
import { ESCAPES } from "./hostile/escapes";
import { OUTPUT } from "./hostile/output";
import { PROCESSES } from "./hostile/processes";
import { RESOURCES } from "./hostile/resources";
import { type Host, type Hostile, LIMITS, type Program, type Ran } from "./hostile/row";
import { WORKSPACE } from "./hostile/workspace";

const TABLE = {
  processes: PROCESSES,
  resources: RESOURCES,
  output: OUTPUT,
  workspace: WORKSPACE,
  escapes: ESCAPES,
};
/** What the product promises: whatever a program does, its command is over this long after its time at the latest. */
const CLEANED_MS = 5_000;
const SECRET = "canary-of-the-host";
/** Each row has a sandbox of its own, so only the machine's two processors limit how many run at once. */
const AT_ONCE = 4;

let folder: string;
let server: Server;
let abstractServer: Server;
let host: Host;
let before: object;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-hostile-"));
  chmodSync(folder, 0o755);
  const canary = join(folder, "canary");
  writeFileSync(canary, SECRET, { mode: 0o666 });
  process.env.FABRICA_HOSTILE_CANARY = SECRET;
  let reached = 0;
  const refuse = (socket: { destroy(): void }) => {
    reached += 1;
    socket.destroy();
  };
  server = createServer(refuse).listen(0, "0.0.0.0");
  const abstractSocket = `fabrica-hostile-${process.pid}`;
  abstractServer = createServer(refuse).listen(`\0${abstractSocket}`);
  await Promise.all(
    [server, abstractServer].map((each) => new Promise((resolve) => each.once("listening", resolve))),
  );
  host = { canary, port: (server.address() as { port: number }).port, abstractSocket };
  hostState = () => ({ ...stateOf(canary), reached });
  before = hostState();
});
afterAll(() => {
  server.close();
  abstractServer.close();
  delete process.env.FABRICA_HOSTILE_CANARY;
  rmSync(folder, { recursive: true, force: true });
});

let hostState: () => object;

/** What of the host would show that a program got out. */
function stateOf(canary: string): object {
  const text = (path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return null;
    }
  };
  const settings = [
    "kernel/core_pattern",
    "kernel/hostname",
    "kernel/sysrq",
    "vm/overcommit_memory",
    "fs/suid_dumpable",
  ];
  return {
    canary: readFileSync(canary, "utf8"),
    changed: statSync(canary).mtimeMs,
    mode: statSync(canary).mode,
    owner: statSync(canary).uid,
    hostname: hostname(),
    settings: settings.map((name) => text(`/proc/sys/${name}`)),
    agents: ["memory", "pids", "cpu"].map((name) => text(`/sys/fs/cgroup/${name}/release_agent`)),
    shadow: statSync("/etc/shadow").mtimeMs,
    programs: ["/bin/sh", "/usr/bin/env", "/usr/bin/git"].map(
      (path) => statSync(path).mtimeMs + statSync(path).mode,
    ),
  };
}

/** Lets a few of many go at once. */
class Turns {
  private waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async take<T>(act: () => Promise<T>): Promise<T> {
    if (this.free === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.free -= 1;
    try {
      return await act();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}

describe.each(DRIVERS)("a hostile program in the %s sandbox", (_, open) => {
  let bench: Bench;
  let offset: number;
  const turns = new Turns(AT_ONCE);

  beforeAll(async () => {
    offset = Date.now() - performance.now();
    bench = await open(folder);
  }, 600_000);
  afterAll(async () => {
    try {
      expect(await bench.traces()).toEqual([]);
      expect(hostState()).toEqual(before);
      expect(readdirSync(folder).filter((name) => name !== "state")).toEqual(["canary"]);
      expect(Math.abs(Date.now() - performance.now() - offset)).toBeLessThan(30_000);
    } finally {
      await bench?.close();
    }
  }, 60_000);

  for (const [part, rows] of Object.entries(TABLE)) {
    describe(part, () => {
      it.concurrent.each(rows.map((row) => [row.name, row] as const))(
        "%s",
        (_, row) => turns.take(() => carryOut(bench, row)),
        180_000,
      );
    });
  }

  it("finds nothing of any of them on the host", async () => {
    expect(await bench.traces()).toEqual([]);
    expect(hostState()).toEqual(before);
  });
});

/** Runs one row from a fresh sandbox to its removal. */
async function carryOut(bench: Bench, row: Hostile): Promise<void> {
  const sandbox = await bench.driver.create(LIMITS);
  const run = (program: Program, request?: Partial<ExecRequest>) => runIn(sandbox, program, request);
  try {
    await restoreWorkspace(sandbox, null);
    const program = typeof row.program === "function" ? row.program(host) : row.program;
    const timeoutMs = row.request?.timeoutMs ?? 30_000;
    const ran = await run(program, { timeoutMs, ...row.request });
    judge(row, ran);
    expect(ran.durationMs).toBeLessThan(timeoutMs + CLEANED_MS);
    await row.also?.({ ran, run, sandbox, driver: bench.driver });
    await expectUsable(bench, row, run);
  } finally {
    await sandbox.destroy();
  }
}

async function runIn(sandbox: Sandbox, program: Program, request: Partial<ExecRequest> = {}): Promise<Ran> {
  const parts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const outcome = await sandbox.exec({
    argv: typeof program === "string" ? ["sh", "-c", program] : program,
    timeoutMs: 30_000,
    maxOutputBytes: 1024 * 1024,
    onOutput: (stream, data) => parts[stream].push(Buffer.from(data)),
    ...request,
  });
  const stdout = Buffer.concat(parts.stdout);
  const stderr = Buffer.concat(parts.stderr).toString("utf8");
  return { ...outcome, stdout, text: stdout.toString("utf8"), stderr };
}

function judge(row: Hostile, ran: Ran): void {
  const { stdout: _, ...told } = ran;
  const {
    outcome = { exitCode: 0, signal: null, timedOut: false, outOfMemory: "no", killed: false, leftovers: 0 },
  } = row;
  if (typeof outcome !== "function") expect(told).toMatchObject(outcome);
  else expect(outcome(ran), JSON.stringify(told).slice(0, 1_000)).toBe(true);
  const { text = "" } = row;
  if (typeof text === "string") expect(ran.text).toBe(text);
  else expect(ran.text).toMatch(text);
}

/** Counts the processes of the sandbox's user; also those that have ended, for they count to its limit. */
const LOOK = 'n=0; for p in /proc/[0-9]*; do [ ! -O "$p" ] || n=$((n+1)); done; echo "there $n"';

/** The next command works as if nothing had been, and sees no process but its own. */
async function expectUsable(
  bench: Bench,
  row: Hostile,
  run: (program: Program) => Promise<Ran>,
): Promise<void> {
  const next = await run(LOOK);
  if (row.nextExitCode !== undefined) {
    expect(next).toMatchObject({ exitCode: row.nextExitCode, outOfMemory: "no", leftovers: 0 });
    return;
  }
  expect(next).toMatchObject({
    ...{ exitCode: 0, signal: null, timedOut: false, outOfMemory: "no", killed: false, leftovers: 0 },
    text: `there ${bench.ownProcesses}\n`,
  });
}
