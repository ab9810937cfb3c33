// The form of a hostile program: what it is, what the runner must say of it, and what must hold afterwards.

import type { ExecOutcome, ExecRequest, Sandbox, SandboxDriver } from "@/runner/sandbox/port";
import { SYSCALL_RULES } from "@/runner/sandbox/seccomp";
import { syscallNumber } from "@/runner/sandbox/seccomp-numbers";

export const LIMITS = { memory_mb: 192, work_mb: 32, tmp_mb: 8, inodes: 2_000, cpus: 1, pids: 48 };

export interface Ran extends ExecOutcome {
  stdout: Buffer;
  text: string;
  stderr: string;
}

/** What a row may look at after its program has run. */
export interface Scene {
  ran: Ran;
  driver: SandboxDriver;
  sandbox: Sandbox;
  run(program: Program, request?: Partial<ExecRequest>): Promise<Ran>;
}

/** Shell text, or a whole argument list. */
export type Program = string | string[];

export interface Hostile {
  name: string;
  program: Program | ((host: Host) => Program);
  request?: Partial<ExecRequest>;
  /** Parts of the outcome; without it the program must end with 0, in time, with nothing said against it. */
  outcome?: Partial<ExecOutcome> | ((ran: Ran) => boolean);
  /** Its standard output; without it there must be none. */
  text?: string | RegExp;
  also?(scene: Scene): Promise<void>;
  /** How the next command of the same sandbox ends, when not well. */
  nextExitCode?: number;
}

/** What of the host a program may try to reach. */
export interface Host {
  canary: string;
  port: number;
  abstractSocket: string;
}

export const STOPPED: Partial<ExecOutcome> = {
  timedOut: true,
  killed: true,
  exitCode: null,
  signal: "SIGKILL",
};
export const SHORT: Partial<ExecRequest> = { timeoutMs: 700 };

/** Python text that can make system calls by number; `hole` tells of what should have been refused. */
const PRELUDE = `
import ctypes, errno, os, signal, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
x86 = os.uname().machine == "x86_64"
REFUSED = (errno.EPERM, errno.ENOSYS, errno.EACCES)
def call(number, *args):
    ctypes.set_errno(0)
    answer = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    return answer if answer != -1 else -ctypes.get_errno()
def hole(name, answer, allowed=()):
    if answer >= 0 or -answer not in REFUSED + tuple(allowed): print(name, answer, flush=True)
def attempt(name, act, allowed=(PermissionError, FileNotFoundError, NotADirectoryError)):
    try: act(); print(name, "worked", flush=True)
    except allowed: pass
    except OSError as error:
        if error.errno not in REFUSED + (errno.EROFS,): print(name, error, flush=True)
`;

/** A Python program with the helpers above. */
export function python(code: string): string[] {
  return ["python3", "-c", PRELUDE + code];
}

/** A program of Node. */
export function node(code: string): string[] {
  return ["node", "-e", code];
}

/** uretprobe and uprobe, which newer kernels let pass every filter: they refuse whoever is not being traced. */
const UNFILTERED = [335, 336];

/** Numbers up to 500 of this machine's system calls that the list does not allow under any condition. */
export function forbiddenNumbers(): number[] {
  const arch = process.arch === "arm64" ? "arm64" : "x64";
  const known = new Set(SYSCALL_RULES.flatMap((rule) => rule.names).map((name) => syscallNumber(name, arch)));
  return [...Array(500).keys()].filter((number) => !known.has(number) && !UNFILTERED.includes(number));
}
