// The port that every sandbox driver implements: create, exec, destroy, and nothing about jobs.
// Invariant: whatever runs behind it sees no secret, no network and no host file beyond the listed ones.
import type { Socket } from "node:net";
import type { NetworkReport } from "../network/gateway";
import type { SandboxDriver as DriverName, SandboxLimits } from "../protocol";

/** The user that all untrusted programs run as, in every driver. */
export const SANDBOX_UID = 65_532;

/** Folders of a sandbox. `/git` is seen only by requests with `repository: true`. */
export const PATHS = {
  work: "/work",
  tmp: "/tmp",
  home: "/tmp/home",
  git: "/git",
  toolchain: "/opt/toolchain",
  node: "/opt/node",
  /** Programs of external agents, which the host lends. */
  tools: "/opt/agent",
} as const;

/** The whole environment of a program, before what a command adds. */
export const BASE_ENV: Readonly<Record<string, string>> = {
  PATH: `${PATHS.toolchain}/node_modules/.bin:/usr/local/bin:/usr/bin:/bin`,
  HOME: PATHS.home,
  TMPDIR: PATHS.tmp,
  LANG: "C.UTF-8",
};

export type OutputStream = "stdout" | "stderr";
export type OnOutput = (stream: OutputStream, data: Buffer) => void;

/** What stands behind the only address that a program may reach. */
export interface Door {
  /** A connection for one of the program's. */
  connect(): Socket;
}

/** One program to run. */
export interface ExecRequest {
  /** argv[0] is looked up on the sandbox's PATH; exit code 127 when it is not there. */
  argv: string[];
  /** Folder relative to /work; exit code 125 when it cannot be entered. */
  cwd?: string;
  env?: Record<string, string>;
  /** Bytes for standard input, which is closed afterwards. */
  stdin?: Uint8Array | null;
  timeoutMs: number;
  /** Per stream; further output is read, dropped and counted. */
  maxOutputBytes: number;
  /** Makes /git visible; only for the runner's own git scripts. */
  repository?: boolean;
  /**
   * Lets the program reach the package registries that the runner's settings allow, through a proxy; or one door, and
   * nothing else, as the address of a model. Else: nothing.
   */
  network?: "registries" | Door;
  /** Kills the program; the sandbox stays, and the outcome says so. */
  signal?: AbortSignal;
  onOutput?: OnOutput;
}

/** What became of one program. Output went to `onOutput`. */
export interface ExecOutcome {
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  outOfMemory: "no" | "yes" | "possibly";
  capped: boolean;
  droppedBytes: number;
  killed: boolean;
  leftovers: number;
  durationMs: number;
  /** Processor time and peak memory of the sandbox during the command; 0 where the kernel does not count them. */
  userMs: number;
  systemMs: number;
  maxRssKb: number;
  /** Of requests that asked for the network. */
  network?: NetworkReport;
}

/** One live sandbox. It belongs to one job and is never used for another. */
export interface Sandbox {
  /** Runs a program to its end. Several may run at once. Throws SandboxError when the sandbox is at fault. */
  exec(request: ExecRequest): Promise<ExecOutcome>;
  /** Kills everything in it and removes every trace; running `exec` calls end with SandboxError. Idempotent. */
  destroy(): Promise<void>;
}

/** Which limits this driver really enforces on this machine. What is false is reported as a warning by the probe. */
export interface EnforcedLimits {
  memory: boolean;
  pids: boolean;
  cpu: boolean;
  disk: boolean;
}

/** Makes sandboxes of one kind. */
export interface SandboxDriver {
  readonly name: DriverName;
  readonly enforced: EnforcedLimits;
  /** Sentences for the log and the worker page: what this driver does not give. */
  readonly notes: readonly string[];
  /** Throws NoSandboxError. */
  create(limits: SandboxLimits): Promise<Sandbox>;
  /**
   * A driver of the same kind whose sandboxes are made of another image; only where sandboxes have images. Throws an
   * Error with a plain sentence when the image is not there.
   */
  forImage?(image: string): Promise<SandboxDriver>;
  /** Removes what a dead predecessor with the same state folder left. Returns how many were removed. */
  reap(): Promise<number>;
}

/** A sandbox that can be asked whether it still works, which one that has waited for its job must be. */
export interface WaitingSandbox extends Sandbox {
  /** Resolves when the sandbox has answered. Throws SandboxError when it is gone or stays silent. */
  ping(): Promise<void>;
}

/** A driver whose sandboxes take long enough to start that it pays to make them in advance. */
export interface SlowDriver extends SandboxDriver {
  readonly startsSlowly: true;
  create(limits: SandboxLimits): Promise<WaitingSandbox>;
}

/** Whether it pays to make this driver's sandboxes in advance. */
export function startsSlowly(driver: SandboxDriver): driver is SlowDriver {
  return "startsSlowly" in driver;
}

/** The sandbox, not the program in it, failed. `gone`: it is of no further use, and what it held is lost. */
export class SandboxError extends Error {
  override name = "SandboxError";
  constructor(
    message: string,
    readonly gone: boolean,
  ) {
    super(message);
  }
}

/** No sandbox can be made at the moment; the machine is at fault, not the job. */
export class NoSandboxError extends Error {
  override name = "NoSandboxError";
}

/** The request cannot be carried out by any sandbox; this one is unharmed. */
export class RequestError extends Error {
  override name = "RequestError";
}

/** Size in MiB of the repository's own tmpfs: history is compressed text, so half of the workspace is plenty. */
export function gitMegabytes(limits: SandboxLimits): number {
  return Math.max(16, Math.ceil(limits.work_mb / 2));
}

/** Turns a folder relative to /work into an absolute one. Throws RequestError when it leaves /work. */
export function resolveCwd(cwd = "."): string {
  const parts: string[] = [];
  for (const part of cwd.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (parts.pop() === undefined) throw new RequestError("The working folder lies outside of /work.");
    } else parts.push(part);
  }
  if (cwd.startsWith("/")) throw new RequestError("The working folder must be relative to /work.");
  return [PATHS.work, ...parts].join("/");
}

/** What every program is started by: it keeps the host, and this sandbox's supervisor, responsive. */
export const NICE: readonly string[] = ["/usr/bin/nice", "-n", "10", "--"];

/**
 * Shell text that enters folder $1 and becomes the program that follows. The folder is entered after the change of
 * user, and `nice` keeps the host responsive. With both in front all drivers answer a missing program and a missing
 * folder alike: 127 and 125, as a shell does.
 */
export const ENTER = `cd -- "$1" || exit 125; shift; exec ${NICE.join(" ")} "$@"`;

/** The arguments for ENTER: the absolute folder, then the program's. Throws RequestError for a NUL byte. */
export function enterArgs(request: ExecRequest): string[] {
  const entries = Object.entries(request.env ?? {}).flat();
  if ([...request.argv, ...entries, request.cwd ?? ""].some((text) => text.includes("\0"))) {
    throw new RequestError("An argument, variable or folder contains a NUL byte.");
  }
  return [resolveCwd(request.cwd), ...request.argv];
}

/** The environment of a request: the fixed one plus what the command adds. Throws RequestError for odd names. */
export function insideEnv(request: ExecRequest): Record<string, string> {
  for (const name of Object.keys(request.env ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new RequestError(`"${name}" cannot name a variable.`);
  }
  return { ...BASE_ENV, ...request.env };
}
