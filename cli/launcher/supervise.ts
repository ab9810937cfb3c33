/**
 * Keeps one process running: restarts it when it ends unexpectedly, ends it and everything it started on stop.
 * Invariant: each process leads its own process group, and no member of that group outlives `stop`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { LauncherError } from "../launcher-error";
import { type LineSink, lineSplitter } from "./log-lines";

/** Exit code by which a process says: not with these settings, starting me again is pointless (sysexits EX_CONFIG). */
export const EXIT_UNUSABLE = 78;

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** Being killed says nothing about the process itself, so its jobs wait no longer than this for its next life. */
const LONGEST_DELAY_AFTER_KILL_MS = 2_000;
/** After living this long a process is considered healthy and its next restart is quick again. */
const HEALTHY_MS = 20_000;
const READY_LIMIT_MS = 90_000;
const READY_POLL_MS = 50;
const KEPT_LINES = 12;
/** Ending this often in a row by its own will, soon after its start, is no accident. */
const QUICK_ENDS_ALLOWED = 5;

/** What to run. */
export interface ProcessSpec {
  name: string;
  command: string;
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Whether it serves already; asked again and again after a start. Without it a started process counts as ready. */
  isReady?: () => Promise<boolean>;
  /** Time between SIGTERM and SIGKILL, in milliseconds. */
  graceMs: number;
}

/** A process under supervision. */
export interface Supervised {
  readonly name: string;
  /** Process id of the current life; undefined between two lives. */
  readonly pid: number | undefined;
  /** Rejects with a LauncherError when the process cannot run at all; otherwise stays pending. */
  readonly failed: Promise<never>;
  /** Resolves when the process serves. Rejects with a LauncherError when it ends first or takes too long. */
  ready(): Promise<void>;
  /** SIGTERM, after the grace SIGKILL, then whatever is left of its group. */
  stop(): Promise<void>;
}

class SupervisedProcess implements Supervised {
  readonly failed: Promise<never>;
  private fail: (error: LauncherError) => void = () => undefined;
  private child: ChildProcess | undefined;
  private lastLines: string[] = [];
  private delayMs = FIRST_DELAY_MS;
  private stopping = false;
  private wasReady = false;
  private quickEnds = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly spec: ProcessSpec,
    private readonly sink: LineSink,
  ) {
    this.failed = new Promise((_, reject) => {
      this.fail = reject;
    });
    this.failed.catch(() => undefined); // Whoever waits gets it; nobody waiting is no crash.
    this.launch();
  }

  get name(): string {
    return this.spec.name;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  private launch(): void {
    const { command, args, cwd, env } = this.spec;
    const began = Date.now();
    // The fourth descriptor is the leash: see cli/leash.ts.
    const child = spawn(command, args, {
      cwd,
      env: { ...env, FABRICA_LEASH: "1" },
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    this.child = child;
    child.stdio[3]?.on("error", () => undefined); // It breaks when the child is killed; the exit says so.
    for (const stream of [child.stdout, child.stderr]) this.forward(stream);
    let over = false;
    const end = (how: string, code: number | null) => {
      if (over) return;
      over = true;
      this.onEnd(child, how, code, Date.now() - began);
    };
    child.once("error", (error) => end(error.message, null));
    child.once("exit", (code, signal) => end(signal ?? `code ${code}`, code));
  }

  private forward(stream: NodeJS.ReadableStream | null): void {
    const splitter = lineSplitter((line) => {
      this.lastLines = [...this.lastLines, line].slice(-KEPT_LINES);
      this.sink(this.spec.name, line);
    });
    stream?.setEncoding("utf8");
    stream?.on("data", splitter.push);
    stream?.on("end", splitter.end);
  }

  private onEnd(child: ChildProcess, how: string, code: number | null, livedMs: number): void {
    endGroup(child.pid);
    this.child = undefined;
    if (this.stopping) return;
    const { name } = this.spec;
    this.quickEnds = livedMs < HEALTHY_MS && code !== null ? this.quickEnds + 1 : 0;
    const hopeless = code === EXIT_UNUSABLE || this.quickEnds > QUICK_ENDS_ALLOWED;
    if (hopeless || (!this.wasReady && code !== null && code !== 0)) {
      // Its last words may still be in the pipe when the exit is known.
      setTimeout(() => this.fail(this.failure(how)), 50);
      return;
    }
    if (livedMs > HEALTHY_MS) this.delayMs = FIRST_DELAY_MS;
    const killed = code === null;
    const delayMs = killed ? Math.min(this.delayMs, LONGEST_DELAY_AFTER_KILL_MS) : this.delayMs;
    this.sink("fabrica", `${name} ended (${how}); starting it again in ${delayMs} ms`);
    this.timer = setTimeout(() => this.launch(), delayMs);
    this.delayMs = Math.min(this.delayMs * 2, LONGEST_DELAY_MS);
  }

  private failure(how: string): LauncherError {
    const told = this.lastLines.filter((line) => line.trim() && !/^\s+at /.test(line));
    const words = [...new Set(told)].slice(-4);
    return new LauncherError(
      `The ${this.spec.name} could not start (${how}).`,
      words.length > 0 ? `It said:\n  ${words.join("\n  ")}` : "It said nothing.",
    );
  }

  async ready(): Promise<void> {
    await Promise.race([this.failed, this.becomesReady()]);
    this.wasReady = true;
  }

  private async becomesReady(): Promise<void> {
    const giveUp = Date.now() + READY_LIMIT_MS;
    while (!this.stopping && this.spec.isReady) {
      if (await this.spec.isReady()) return;
      if (Date.now() > giveUp) throw this.failure(`no answer for ${READY_LIMIT_MS / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    const child = this.child;
    if (!child?.pid) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const killer = setTimeout(() => endGroup(child.pid), this.spec.graceMs);
    await gone;
    clearTimeout(killer);
    endGroup(child.pid);
  }
}

/** Kills what is left of a process group; nothing left is fine. */
function endGroup(pid: number | undefined): void {
  if (!pid) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // ESRCH: the group is empty.
  }
}

/** Starts a process; `ready()` tells when it serves. */
export function supervise(spec: ProcessSpec, sink: LineSink): Supervised {
  return new SupervisedProcess(spec, sink);
}
