// Starts a program with its input and output as text, bytes or files. The same code serves the app itself and the
// helper process that starts programs for it (program-host.ts).
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Readable } from "node:stream";

const MAX_STDERR_BYTES = 16 * 1024;

/** What to start. Paths are absolute; the program sees nothing of our own environment. */
export interface ProgramRequest {
  file: string;
  args: string[];
  env: Record<string, string>;
  /** Text for stdin; nothing by default. */
  input?: string;
  /** File that is stdin instead. */
  inputFile?: string;
  /** New file that takes stdout instead of us; it must not be there yet. */
  outputFile?: string;
}

/** How it ended. `started` is false when the program could not be started at all. */
export interface ProgramEnd {
  started: boolean;
  code: number | null;
  signal: string | null;
  /** First 16 KiB of what it said on stderr. */
  stderr: Buffer;
}

export interface Program {
  /** Null when a file takes it. Must be read to its end, or the program killed. */
  stdout: Readable | null;
  /** Resolves when the program has ended and its output is read; never rejects. */
  ended: Promise<ProgramEnd>;
  /** SIGKILL for it and whatever it started. */
  kill(): void;
}

/** Starts a program as a child of this process. */
export function startProgram(request: ProgramRequest): Program {
  const files: number[] = [];
  const opened = (path: string, flags: string) => {
    const file = openSync(/* turbopackIgnore: true */ path, flags, 0o644);
    files.push(file);
    return file;
  };
  let child: ChildProcess;
  try {
    const stdin = request.inputFile === undefined ? "pipe" : opened(request.inputFile, "r");
    const stdout = request.outputFile === undefined ? "pipe" : opened(request.outputFile, "wx");
    child = spawn(/* turbopackIgnore: true */ request.file, request.args, {
      cwd: "/",
      // A process group of its own, so that nothing it starts can outlive it.
      detached: true,
      // Next types NODE_ENV as always present; the whole point here is that nothing else is.
      env: request.env as NodeJS.ProcessEnv,
      stdio: [stdin, stdout, "pipe"],
    });
  } finally {
    for (const file of files) closeSync(file);
  }
  // A process that ends before it has read everything closes the pipe; its exit code tells why.
  child.stdin?.on("error", () => {});
  child.stdin?.end(request.input ?? "");
  return { stdout: child.stdout, ended: endOf(child), kill: () => killGroup(child) };
}

function endOf(child: ChildProcess): Promise<ProgramEnd> {
  let stderr = Buffer.alloc(0);
  child.stderr?.on("data", (chunk: Buffer) => {
    if (stderr.length < MAX_STDERR_BYTES)
      stderr = Buffer.concat([stderr, chunk]).subarray(0, MAX_STDERR_BYTES);
  });
  return new Promise((resolve) => {
    child.once("error", () => resolve({ started: false, code: null, signal: null, stderr }));
    child.once("close", (code, signal) => resolve({ started: true, code, signal, stderr }));
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
