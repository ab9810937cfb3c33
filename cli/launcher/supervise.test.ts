import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { LauncherError } from "../launcher-error";
import { EXIT_UNUSABLE, type ProcessSpec, type Supervised, supervise } from "./supervise";

let dir: string;
let lines: string[];
let processes: Supervised[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fabrica-supervise-"));
  lines = [];
  processes = [];
});

afterEach(async () => {
  await Promise.all(processes.map((supervised) => supervised.stop()));
  rmSync(dir, { recursive: true, force: true });
});

function begin(script: string, also: Partial<ProcessSpec> = {}): Supervised {
  const supervised = supervise(
    {
      name: "thing",
      command: process.execPath,
      args: ["-e", script],
      cwd: dir,
      env: { ...process.env },
      graceMs: 300,
      ...also,
    },
    (name, line) => lines.push(`${name}: ${line}`),
  );
  processes.push(supervised);
  return supervised;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

const serving = { isReady: async () => existsSync(join(dir, "up")) };
const SERVE = 'fs.writeFileSync("up", String(process.pid)); setInterval(() => {}, 1e6);';

describe("supervise", () => {
  it("starts a killed process again by itself", async () => {
    const thing = begin(SERVE, serving);
    await thing.ready();
    const first = Number(thing.pid);
    process.kill(first, "SIGKILL");
    await expect.poll(() => thing.pid !== undefined && thing.pid !== first, { timeout: 10_000 }).toBe(true);
    await expect
      .poll(() => readFileSync(join(dir, "up"), "utf8"), { timeout: 10_000 })
      .toBe(String(thing.pid));
    expect(lines).toContain("fabrica: thing ended (SIGKILL); starting it again in 250 ms");
  });

  it("lets a process that is killed again and again wait no longer than 2 s", async () => {
    const thing = begin(SERVE, serving);
    await thing.ready();
    const waits = () => lines.flatMap((line) => /starting it again in (\d+) ms/.exec(line)?.[1] ?? []);
    for (let kills = 1; kills <= 6; kills++) {
      await expect.poll(() => thing.pid, { timeout: 10_000 }).toBeDefined();
      process.kill(Number(thing.pid), "SIGKILL");
      await expect.poll(() => waits().length, { timeout: 10_000 }).toBe(kills);
    }
    expect(waits()).toEqual(["250", "500", "1000", "2000", "2000", "2000"]);
  });

  it("fails with its last words when it ends before it serves", async () => {
    const thing = begin('console.error("no such table"); process.exit(3)', serving);
    await expect(thing.ready()).rejects.toThrow(
      /thing could not start \(code 3\)\. It said:\s+no such table/,
    );
  });

  it("gives up at once when the process says that its settings are unusable", async () => {
    const thing = begin(
      `console.error("no sandbox here"); setTimeout(() => process.exit(${EXIT_UNUSABLE}), 100)`,
    );
    await thing.ready();
    await expect(thing.failed).rejects.toBeInstanceOf(LauncherError);
    await expect(thing.failed).rejects.toThrow(/no sandbox here/);
  });

  it("ends a process that ignores SIGTERM, with everything it started", async () => {
    const thing = begin(
      `process.on("SIGTERM", () => {});
       const child = child_process.spawn("sleep", ["1000"], { stdio: "ignore" });
       fs.writeFileSync("child", String(child.pid));
       ${SERVE}`,
      serving,
    );
    await thing.ready();
    const pids = [Number(thing.pid), Number(readFileSync(join(dir, "child"), "utf8"))];
    expect(pids.map(isAlive)).toEqual([true, true]);
    await thing.stop();
    await expect.poll(() => pids.map(isAlive)).toEqual([false, false]);
    expect(thing.pid).toBeUndefined();
  });

  it("does not start anything after stop", async () => {
    const thing = begin(SERVE, serving);
    await thing.ready();
    process.kill(Number(thing.pid), "SIGKILL");
    await thing.stop();
    rmSync(join(dir, "up"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(thing.pid).toBeUndefined();
    expect(existsSync(join(dir, "up"))).toBe(false);
  });
});

describe("the leash", () => {
  it("ends a process and what it started when the launcher is killed", async () => {
    const require = createRequire(import.meta.url);
    const tsx = pathToFileURL(require.resolve("tsx")).href;
    const leash = join(import.meta.dirname, "..", "leash.ts");
    const child = `const c = require("child_process").spawn("sleep", ["1000"], { stdio: "ignore" });
      require("fs").writeFileSync("up", process.pid + " " + c.pid); setInterval(() => {}, 1e6);`;
    // A launcher of its own, because it has to be killed.
    const launcher = spawn(
      process.execPath,
      [
        "-e",
        `const child = child_process.spawn(process.execPath, ["--import", ${JSON.stringify(tsx)}, "--import", ${JSON.stringify(leash)}, "-e", ${JSON.stringify(child)}],
          { cwd: process.cwd(), detached: true, env: { ...process.env, FABRICA_LEASH: "1" }, stdio: ["ignore", "ignore", "inherit", "pipe"] });
         setInterval(() => {}, 1e6);`,
      ],
      { cwd: dir, stdio: ["ignore", "inherit", "inherit"] },
    );
    onTestFinished(() => void launcher.kill("SIGKILL"));
    const up = join(dir, "up");
    await expect
      .poll(() => existsSync(up) && readFileSync(up, "utf8").includes(" "), { timeout: 20_000 })
      .toBe(true);
    const pids = readFileSync(up, "utf8").split(" ").map(Number);
    launcher.kill("SIGKILL");
    await once(launcher, "exit");
    await expect.poll(() => pids.map(isAlive), { timeout: 20_000 }).toEqual([false, false]);
  });
});
