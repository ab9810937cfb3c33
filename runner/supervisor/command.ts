// One command inside the container: started as the unprivileged user with a group of its own as a tag, read to its end,
// swept away with all it left, and reported.
import type { ChildProcess } from "node:child_process";
import { OutputCap } from "../sandbox/output-cap";
import type { ForkCount, ForkCounter } from "./fork-count";
import { type ExecOrder, type ExitReport, FRAME, type FrameType, PIECE_BYTES } from "./frames";
import { sweep } from "./processes";
import { notStarted, startProgram } from "./start";
import type { Usage, UsageReader } from "./usage";

/** What a command needs of the supervisor. */
export interface CommandHost {
  usage: UsageReader;
  forks: ForkCounter;
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
  private readonly before: Usage;
  private readonly begun: ForkCount | null;
  private killedFor: "timeout" | "order" | null = null;
  private shared = false;

  constructor(
    private readonly host: CommandHost,
    order: ExecOrder,
    private readonly gid: number,
  ) {
    this.before = host.usage.atStart(!host.othersLive());
    this.cap = new OutputCap(order.maxOutputBytes, (stream, data) => this.sendOutput(stream, data));
    this.child = startProgram(order, gid);
    this.begun = this.child.pid === undefined ? null : host.forks.born(this.child.pid);
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
    void this.sweep(null).catch(() => {});
  }

  private sweep(begun: ForkCount | null): Promise<number> {
    return sweep({ gid: this.gid, alone: () => !this.host.othersLive(), begun });
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

  private exited(): Promise<[number | null, string | null]> {
    return new Promise((resolve, reject) => {
      this.child.once("exit", (code, signal) => resolve([code, signal]));
      this.child.once("error", (error) => reject(notStarted(error)));
    });
  }

  private async finish(): Promise<ExitReport> {
    const closed = new Promise((resolve) => this.child.once("close", resolve));
    const [code, signal] = await this.exited();
    const leftovers = await this.sweep(this.begun);
    // With every process of the command gone, both pipes have ended.
    await closed;
    const usage = this.host.usage.now();
    const oom = usage.oomKills > this.before.oomKills;
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
      userMs: usage.userMs - this.before.userMs,
      systemMs: usage.systemMs - this.before.systemMs,
      maxRssKb: usage.peakKb,
    };
  }
}
