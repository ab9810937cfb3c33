// One command inside the container: started as the unprivileged user with a group of its own as a tag, read to its end,
// swept away with all it left, and reported.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { CgroupMeter } from "../sandbox/cgroup-meter";
import { OutputCap } from "../sandbox/output-cap";
import { ENTER, NICE, PATHS, SANDBOX_UID } from "../sandbox/port";
import { type ExecOrder, type ExitReport, FRAME, type FrameType, PIECE_BYTES } from "./frames";
import { sweep } from "./processes";

/** Children are taken first when memory runs out; this process returns to what the container was given. */
const CHILD_OOM_SCORE = "900";
const OWN_OOM_SCORE = "500";

/** What a command needs of the supervisor. */
export interface CommandHost {
  meter: CgroupMeter | null;
  /** Whether another command lives beside this one. */
  othersLive(): boolean;
  send(type: FrameType, payload: Uint8Array): void;
  /** Whether the connection takes nothing more for the moment. */
  congested(): boolean;
  /** Resolves when the connection takes more. */
  flushed(): Promise<void>;
}

/** A running command. `done` resolves with its report and rejects when the container is of no further use. */
export class Command {
  readonly done: Promise<ExitReport>;
  private readonly child: ChildProcess;
  private readonly cap: OutputCap;
  private readonly started = performance.now();
  private readonly killsBefore: number;
  private readonly cpuBefore;
  private killedFor: "timeout" | "order" | null = null;
  private shared = false;

  constructor(
    private readonly host: CommandHost,
    order: ExecOrder,
    private readonly gid: number,
  ) {
    this.killsBefore = host.meter?.oomKills() ?? 0;
    this.cpuBefore = host.meter?.cpuTime();
    this.cap = new OutputCap(order.maxOutputBytes, (stream, data) => this.sendOutput(stream, data));
    this.child = start(order, gid);
    this.read("stdout");
    this.read("stderr");
    // A program may end without reading its input.
    this.child.stdin?.on("error", () => {});
    const deadline = setTimeout(() => this.kill("timeout"), order.timeoutMs);
    this.done = this.finish().finally(() => clearTimeout(deadline));
  }

  /** Another command has started beside this one, so what the kernel counts can belong to either. */
  markShared(): void {
    this.shared = true;
  }

  /** Passes input on and acknowledges it when the program's pipe has taken it. */
  write(data: Buffer): void {
    this.child.stdin?.write(data, () => {
      const acknowledged = Buffer.alloc(4);
      acknowledged.writeUInt32BE(data.length);
      this.host.send(FRAME.stdinAck, acknowledged);
    });
  }

  end(): void {
    this.child.stdin?.end();
  }

  /** Kills the main process; what it leaves is swept when its end is seen. */
  kill(reason: "timeout" | "order"): void {
    this.killedFor ??= reason;
    void sweep(this.gid, () => !this.host.othersLive()).catch(() => {});
  }

  private read(stream: "stdout" | "stderr"): void {
    const source = this.child[stream];
    source?.on("data", (data: Buffer) => {
      this.cap.write(stream, data);
      if (!this.host.congested()) return;
      source.pause();
      void this.host.flushed().then(() => source.resume());
    });
  }

  private sendOutput(stream: "stdout" | "stderr", data: Buffer): void {
    const type = stream === "stdout" ? FRAME.out : FRAME.err;
    for (let from = 0; from < data.length; from += PIECE_BYTES) {
      this.host.send(type, data.subarray(from, from + PIECE_BYTES));
    }
  }

  private async exited(): Promise<[number | null, string | null]> {
    try {
      return (await once(this.child, "exit")) as [number | null, string | null];
    } catch (error) {
      throw notStarted(error);
    }
  }

  private async finish(): Promise<ExitReport> {
    const closed = once(this.child, "close");
    closed.catch(() => {});
    const [code, signal] = await this.exited();
    const leftovers = await sweep(this.gid, () => !this.host.othersLive());
    // With every process of the command gone, both pipes have ended.
    await closed;
    const { meter } = this.host;
    const cpu = meter?.cpuTime();
    const oom = (meter?.oomKills() ?? 0) > this.killsBefore;
    const timedOut = this.killedFor === "timeout";
    return {
      // It may have ended by itself at the moment of its deadline, which is told as the deadline all the same.
      exitCode: timedOut ? null : code,
      signal: timedOut ? "SIGKILL" : signal,
      timedOut,
      outOfMemory: !oom ? "no" : this.shared ? "possibly" : "yes",
      droppedBytes: this.cap.droppedBytes,
      killed: this.killedFor !== null,
      leftovers: this.killedFor === null ? leftovers : 0,
      durationMs: performance.now() - this.started,
      userMs: cpu && this.cpuBefore ? cpu.userMs - this.cpuBefore.userMs : 0,
      systemMs: cpu && this.cpuBefore ? cpu.systemMs - this.cpuBefore.systemMs : 0,
      maxRssKb: meter?.peakKb() ?? 0,
    };
  }
}

/** The program could not be started; the container is unharmed. */
export class StartError extends Error {
  override name = "StartError";
}

function notStarted(error: unknown): StartError {
  return new StartError(`The command could not be started: ${(error as Error).message}`);
}

/**
 * The folder is entered before the change of user, which is right for /work alone: the path to any other belongs to the
 * programs, and this process shall not follow it. Those, and a /work that its owner has locked, are left to a shell
 * that runs as the unprivileged user.
 */
function start(order: ExecOrder, gid: number): ChildProcess {
  // The score is inherited; it is raised around the start because nobody may raise another user's process.
  setOomScore(CHILD_OOM_SCORE);
  try {
    if (order.cwd === PATHS.work) {
      const child = launch([...NICE, ...order.argv], PATHS.work, order, gid);
      if (child.pid !== undefined) return child;
      child.on("error", () => {});
    }
    return launch(["/bin/sh", "-c", ENTER, "sh", order.cwd, ...order.argv], "/", order, gid);
  } catch (error) {
    throw notStarted(error);
  } finally {
    setOomScore(OWN_OOM_SCORE);
  }
}

function launch([file = "", ...args]: string[], cwd: string, order: ExecOrder, gid: number): ChildProcess {
  return spawn(file, args, {
    cwd,
    env: { ...order.env, ...(cwd === PATHS.work ? { PWD: cwd } : {}) } as unknown as NodeJS.ProcessEnv,
    uid: SANDBOX_UID,
    gid,
    detached: true,
    stdio: [order.input ? "pipe" : "ignore", "pipe", "pipe"],
  });
}

function setOomScore(score: string): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", score);
  } catch {
    // A runtime without it (gVisor) still has the memory limit; only the choice of the victim is the kernel's own.
  }
}
