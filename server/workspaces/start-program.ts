// Where programs are started: in the helper process when there is one, else in this process. The app asks for the
// helper at its start; tests and small tools do without.
import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { Readable } from "node:stream";
import { processWide } from "../process-wide";
import { type Program, type ProgramEnd, type ProgramRequest, startProgram as startHere } from "./program";
import type { HostAnswer, HostOrder } from "./program-host-protocol";

interface Waiting {
  output(bytes: Uint8Array): void;
  end(end: ProgramEnd): void;
}

const RESTART_MS = 1_000;
const LOST: ProgramEnd = {
  started: true,
  code: null,
  signal: "SIGKILL",
  stderr: Buffer.from("The process that starts programs was lost."),
};

class ProgramHost {
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;
  private child: ChildProcess | null = null;

  constructor(private readonly path: string) {
    this.open();
  }

  /** Process id of the helper while there is one. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts a program there; null while the helper is away. */
  start(request: ProgramRequest): Program | null {
    const { child } = this;
    if (!child?.connected) return null;
    const id = ++this.next;
    const send = (order: HostOrder) => void (child.connected && child.send(order));
    const { stdout, output } = streamOf((bytes) => send({ id, kind: "taken", bytes }));
    const ended = new Promise<ProgramEnd>((resolve) => {
      this.waiting.set(id, {
        output,
        end: (end) => {
          // As with a program of our own: it has ended when its output is read or nobody wants it any more.
          if (stdout.destroyed) return resolve(end);
          stdout.once("close", () => resolve(end));
          stdout.push(null);
          if (stdout.readableFlowing === null && stdout.readableLength === 0) stdout.resume();
        },
      });
    });
    child.channel?.ref();
    send({ id, kind: "start", request });
    return {
      stdout: request.outputFile === undefined ? stdout : null,
      ended,
      kill: () => send({ id, kind: "kill" }),
    };
  }

  private open(): void {
    const child = fork(/* turbopackIgnore: true */ this.path, [], {
      serialization: "advanced",
      execArgv: ["--max-semi-space-size=1", "--max-old-space-size=64"],
      env: {} as NodeJS.ProcessEnv,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    child.on("message", (message) => this.take(message as HostAnswer));
    child.on("error", () => this.lost(child));
    child.on("exit", () => this.lost(child));
    child.unref();
    child.channel?.unref();
    this.child = child;
  }

  private take(answer: HostAnswer): void {
    const program = this.waiting.get(answer.id);
    if (!program) return;
    if (answer.kind === "output") {
      program.output(answer.bytes);
      return;
    }
    this.waiting.delete(answer.id);
    // It keeps this process alive only while something is expected from it.
    if (this.waiting.size === 0) this.child?.channel?.unref();
    program.end({ ...answer.end, stderr: Buffer.from(answer.end.stderr) });
  }

  /** Its programs went down with it; whoever waits for one tries again by its own rules. */
  private lost(child: ChildProcess): void {
    if (this.child !== child) return;
    this.child = null;
    for (const program of this.waiting.values()) program.end(LOST);
    this.waiting.clear();
    setTimeout(() => this.open(), RESTART_MS).unref();
  }
}

/** A stream that tells when what it was given has been taken from it. */
function streamOf(taken: (bytes: number) => void) {
  let given = 0;
  const stdout = new Readable({
    read() {
      if (given > 0) taken(given);
      given = 0;
    },
  });
  const output = (bytes: Uint8Array) => {
    given += bytes.byteLength;
    if (!stdout.destroyed) stdout.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  };
  return { stdout, output };
}

const here = processWide("program-host", () => ({ host: undefined as ProgramHost | undefined }));

/** From now on programs are started by a helper process, whose bundle lies at `path`; nothing changes without one. */
export function openProgramHost(path: string): void {
  if (existsSync(/* turbopackIgnore: true */ path)) here.host ??= new ProgramHost(path);
}

/** Starts a program, in the helper process if there is one. */
export function startProgram(request: ProgramRequest): Program {
  return here.host?.start(request) ?? startHere(request);
}
