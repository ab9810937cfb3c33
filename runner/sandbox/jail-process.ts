// The host's side of one jail: started, told what to run, read, killed, reaped.
// Invariant: `end` settles only when every process of the jail is gone.
import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import { readText } from "./cgroup-meter";
import { FD, PRELUDE, TAKEN } from "./jail-command";
import { NO_ENV } from "./jail-host";
import { OutputCap } from "./output-cap";
import { type ExecRequest, SandboxError } from "./port";

/** How long a killed jail may take to end before it is taken apart from outside. */
const LAST_RESORT_MS = 5_000;
/** Of what bubblewrap says about a jail that it cannot make. */
const ERROR_CHARS = 2_000;
const TOLD_CHARS = 64;

/** The jail came to its end before it took its order: nothing of the command has run, and another jail may run it. */
export class OrderNotTakenError extends SandboxError {
  override name = "OrderNotTakenError";
}

/** One jail, from the moment when its making begins. */
export class JailProcess {
  killedFor: "timeout" | "order" | "destroyed" | null = null;
  hasEnded = false;
  /** Called when the order was taken, which is soon or never. */
  onTaken: () => void = () => {};
  private readonly child: ChildProcess;
  private readonly closed: Promise<number | null>;
  private output: OutputCap | null = null;
  private status = "";
  private told = "";
  private errorText = "";
  private held: Buffer[] = [];
  private lastResort: NodeJS.Timeout | undefined;

  /** Begins to make it. Throws SandboxError when nothing can be started; what goes wrong later is told by `end`. */
  constructor(command: readonly string[], withNetwork = false) {
    this.child = startChild(command, withNetwork);
    this.closed = new Promise((resolve) => {
      const settle = (code: number | null) => {
        this.hasEnded = true;
        resolve(code);
      };
      this.child.once("close", settle);
      this.child.once("error", (error) => {
        this.errorText += `bubblewrap could not be started: ${error.message}`;
        settle(null);
      });
    });
    this.child.stdout?.on("data", (data: Buffer) => this.output?.write("stdout", data));
    this.child.stderr?.on("data", (data: Buffer) => this.readError(data));
    this.pipe(FD.told)?.on("data", (data: Buffer) => this.readTold(data));
    this.pipe(FD.status)?.on("data", (data: Buffer) => {
      this.status += data.toString("latin1");
      this.killFirst();
    });
    // A jail that dies does not read its order, and a program may end without reading its input: no fault of ours.
    for (const index of [FD.order, FD.input]) this.pipe(index)?.on("error", () => {});
    this.pipe(FD.order)?.write(PRELUDE);
  }

  /** Gives the jail its one order, made by `orderText`. Output goes to `request.onOutput` from now on. */
  start(request: ExecRequest, order: string): void {
    this.output = new OutputCap(request.maxOutputBytes, (stream, data) => request.onOutput?.(stream, data));
    this.pipe(FD.order)?.end(order);
    this.pipe(FD.input)?.end(request.stdin ?? undefined);
  }

  /** The runner's end of the relay's socket, for a jail with a network. */
  get channel(): Duplex | undefined {
    return this.pipe(FD.network);
  }

  /** Whether the order was taken; without that nothing of it was carried out. */
  get taken(): boolean {
    return this.told.startsWith(TAKEN);
  }

  /** Bytes of output over the cap. */
  get droppedBytes(): number {
    return this.output?.droppedBytes ?? 0;
  }

  /** How many processes outlived the main one. Only told, never trusted: it comes out of the jail. */
  leftovers(): number {
    const count = /^(\d+)\n$/.exec(this.told.slice(TAKEN.length))?.[1];
    return Number(count ?? 0);
  }

  kill(reason: "timeout" | "order" | "destroyed"): void {
    if (this.hasEnded) return;
    if (this.killedFor !== "destroyed") this.killedFor = reason;
    this.killFirst();
    this.lastResort ??= setTimeout(() => this.killByForce(), LAST_RESORT_MS);
  }

  /**
   * Waits until bubblewrap has reaped the namespace. Returns its exit code.
   * Throws OrderNotTakenError when the jail ended by itself before it took its order.
   */
  async end(): Promise<number | null> {
    const code = await this.closed;
    clearTimeout(this.lastResort);
    if (this.killedFor === null && !(this.taken && this.status.includes('"exit-code"'))) {
      const reason = this.errorText.trim() || `exit code ${code}`;
      if (this.taken) throw new SandboxError(`The jail broke: ${reason}`, false);
      throw new OrderNotTakenError(`The jail could not be set up: ${reason}`, false);
    }
    return code;
  }

  /** Missing when this process has no descriptor left to make it of; `error` tells of that. */
  private pipe(index: number): Duplex | undefined {
    return this.child.stdio?.[index] as Duplex | undefined;
  }

  /** Until the order is taken, only bubblewrap itself can have complained; a program's output must not begin with that. */
  private readError(data: Buffer): void {
    if (this.taken) {
      this.output?.write("stderr", data);
      return;
    }
    if (this.errorText.length < ERROR_CHARS) this.errorText += data.toString("utf8");
    this.held.push(data);
  }

  private readTold(data: Buffer): void {
    if (this.told.length > TOLD_CHARS) return;
    const before = this.taken;
    this.told += data.toString("latin1");
    if (before || !this.taken) return;
    this.onTaken();
    for (const held of this.held.splice(0)) this.output?.write("stderr", held);
  }

  /**
   * Kills the first process of the namespace, which takes every other one with it; bubblewrap outside reaps it. Killing
   * bubblewrap while it is still at work would leave its half-made child behind, so until there is a first process
   * this waits for it: `status` calls it again.
   */
  private killFirst(): void {
    const first = /"child-pid": (\d+)/.exec(this.status)?.[1];
    if (first && this.killedFor !== null) killQuietly(Number(first));
  }

  /** A jail that hangs while it is made: kills what bubblewrap has started, then it, and lets go of the pipes. */
  private killByForce(): void {
    const { pid } = this.child;
    if (pid === undefined || this.child.exitCode !== null) return;
    this.child.kill("SIGSTOP");
    const children = readText(`/proc/${pid}/task/${pid}`, "children").trim().split(" ");
    for (const child of children.filter(Boolean)) killQuietly(Number(child));
    this.child.kill("SIGKILL");
    for (const stream of this.child.stdio) stream?.destroy();
  }
}

function startChild(command: readonly string[], withNetwork: boolean): ChildProcess {
  const [file = "", ...args] = command;
  const usual = ["pipe", "pipe", "pipe", "pipe", "pipe", "pipe"] as const;
  const stdio = withNetwork ? [...usual, "ignore" as const, "pipe" as const] : usual;
  try {
    return spawn(file, args, { cwd: "/", env: NO_ENV, stdio: [...stdio], detached: true });
  } catch (error) {
    throw new SandboxError(`bubblewrap could not be started: ${(error as Error).message}`, false);
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was gone already: that is what was wanted.
  }
}
