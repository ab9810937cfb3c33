/**
 * A second runner under a launcher of its own, as it would be on another host: when the first one is lost there is
 * somebody who takes over its jobs.
 * Invariant: after `stop` nothing of it is left, neither a process nor a file.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Factory, ROOT } from "@/tests/system/factory";
import { childrenOf, isAlive, membersOf } from "@/tests/system/host-processes";

const READY = "Stop with Ctrl-C.";
const START_LIMIT_MS = 120_000;
const KEPT_OUTPUT_CHARS = 10_000;

export class SecondRunner {
  private output = "";

  private constructor(
    private readonly dataDir: string,
    private readonly launch: () => ChildProcess,
    private launcher: ChildProcess = launch(),
  ) {}

  /** Starts it and waits until its launcher says that it runs. */
  static async start(factory: Factory, workers: number): Promise<SecondRunner> {
    const dataDir = mkdtempSync(join(tmpdir(), "fabrica-second-"));
    chmodSync(dataDir, 0o711);
    const secrets = JSON.parse(readFileSync(join(factory.dataDir, "secrets.json"), "utf8"));
    const { PATH, HOME, TMPDIR, LANG, FABRICA_CACHE_DIR } = process.env;
    const given = { PATH, HOME, TMPDIR, LANG, FABRICA_CACHE_DIR };
    const env = {
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      NODE_ENV: "production",
      DATA_DIR: dataDir,
      FABRICA_URL: factory.url,
      FABRICA_RUNNER_TOKEN: secrets.runner,
      RUNNER_DRIVER: "bubblewrap",
      RUNNER_NAME: "second",
      MAX_WORKERS: "32",
    } as NodeJS.ProcessEnv;
    const args = [join(ROOT, "dist/fabrica.mjs"), "up", "--only", "runner", "--workers", String(workers)];
    const runner = new SecondRunner(dataDir, () =>
      spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] }),
    );
    try {
      await runner.untilReady();
    } catch (error) {
      await runner.stop();
      throw error;
    }
    return runner;
  }

  private untilReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (why: string) => reject(new Error(`The second runner ${why}:\n${this.output}`));
      const late = setTimeout(() => refuse("did not become ready"), START_LIMIT_MS);
      const read = (chunk: Buffer) => {
        this.output = (this.output + chunk).slice(-KEPT_OUTPUT_CHARS);
        if (!this.output.includes(READY)) return;
        clearTimeout(late);
        resolve();
      };
      this.launcher.stdout?.on("data", read);
      this.launcher.stderr?.on("data", read);
      this.launcher.once("exit", (code) => {
        clearTimeout(late);
        refuse(`ended with ${code}`);
      });
    });
  }

  /** Its process id; undefined between two lives. */
  pid(): number | undefined {
    return childrenOf(this.launcher.pid ?? -1).find(({ command }) => command.includes("dist/runner.mjs"))
      ?.pid;
  }

  everyPid(): number[] {
    const launcher = this.launcher.pid;
    return launcher === undefined ? [] : [launcher, ...membersOf(launcher)];
  }

  /** Its last words, for a report that has to say why. */
  log(): string {
    return this.output;
  }

  /** SIGKILL to everything of it at once. */
  async crash(): Promise<void> {
    const gone = once(this.launcher, "exit");
    for (const pid of this.everyPid()) kill(pid);
    await gone;
  }

  async startAgain(): Promise<void> {
    this.output = "";
    this.launcher = this.launch();
    await this.untilReady();
  }

  async stop(): Promise<void> {
    const pids = this.everyPid();
    const { launcher } = this;
    if (launcher.exitCode === null && launcher.signalCode === null) {
      const gone = once(launcher, "exit");
      launcher.kill("SIGTERM");
      await gone;
    }
    for (let tries = 0; pids.some(isAlive) && tries < 50; tries++) await pause(100);
    rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    const left = pids.filter(isAlive);
    if (left.length > 0) throw new Error(`Left behind by the second runner: processes ${left.join(", ")}.`);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It went down together with another one.
  }
}
