// The only module that starts git. Invariant: no process sees the host's environment, configuration or hooks,
// and each one has a deadline, capped output and, where `prlimit` exists, hard limits of memory, time and files.
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import { startProgram } from "./start-program";

const PATH = "/usr/local/bin:/usr/bin:/bin";
const PRLIMIT = ["/usr/local/bin/prlimit", "/usr/bin/prlimit", "/bin/prlimit"].find((file) =>
  existsSync(file),
);
const MEBIBYTE = 1024 * 1024;

/** Object id of the empty tree, which every git knows without storing it. */
export const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

const CONFIG = [
  "core.hooksPath=/dev/null",
  "transfer.fsckObjects=true",
  "core.protectHFS=true",
  "core.protectNTFS=true",
  "core.bigFileThreshold=1m",
  "core.packedGitWindowSize=32m",
  "core.packedGitLimit=256m",
  "core.quotePath=false",
  "pack.threads=1",
  "gc.auto=0",
  // Newer versions would read attributes from the tree of HEAD, which the sandbox wrote.
  `attr.tree=${EMPTY_TREE}`,
].flatMap((setting) => ["-c", setting]);

/** `failed`: git said no. `timeout`, `output`: a limit of ours. `unavailable`: git could not be started. */
export type GitFault = "failed" | "timeout" | "output" | "unavailable";

export class GitError extends Error {
  constructor(
    readonly fault: GitFault,
    /** The git command, such as "index-pack". */
    readonly command: string,
    readonly exitCode: number | null,
    readonly signal: string | null,
    /** First 16 KiB of what git said. May hold text chosen by an attacker. */
    readonly stderr: string,
  ) {
    super(
      `git ${command}: ${describe(fault, exitCode, signal)}${stderr ? `: ${stderr.trim().slice(0, 500)}` : ""}`,
    );
    this.name = "GitError";
  }
}

function describe(fault: GitFault, exitCode: number | null, signal: string | null): string {
  if (fault === "timeout") return "took too long";
  if (fault === "output") return "said more than allowed";
  if (fault === "unavailable") return "could not be started; is git installed?";
  return signal ? `was ended by ${signal}` : `exit code ${exitCode}`;
}

export interface GitOptions {
  /** The bare repository. Absolute; never searched for. */
  dir: string;
  /** Objects are written here instead, and read from the repository as well. */
  quarantine?: string;
  /** Text for stdin; nothing by default. */
  input?: string;
  /** File that is stdin instead. */
  inputFile?: string;
  /** New file that takes stdout instead of us. */
  outputFile?: string;
  env?: Record<string, string>;
  /** Milliseconds until SIGKILL. */
  timeoutMs?: number;
  /** Bytes of stdout; more ends the process with the fault `output`. */
  maxOutputBytes?: number;
  /** Largest file that it may write, in bytes. */
  maxFileBytes?: number;
  /** Address space in bytes. */
  maxMemoryBytes?: number;
}

function environment(options: GitOptions): Record<string, string> {
  const env: Record<string, string> = {
    PATH,
    LC_ALL: "C",
    TZ: "UTC",
    GIT_DIR: options.dir,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "https",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_NO_REPLACE_OBJECTS: "1",
    ...options.env,
  };
  if (options.quarantine) {
    env.GIT_OBJECT_DIRECTORY = options.quarantine;
    env.GIT_ALTERNATE_OBJECT_DIRECTORIES = `${options.dir}/objects`;
  }
  return env;
}

function commandLine(args: string[], options: GitOptions): [string, string[]] {
  const line = [...CONFIG, ...args];
  if (!PRLIMIT) return ["git", line];
  const seconds = Math.ceil((options.timeoutMs ?? 30_000) / 1000) + 1;
  const limits = [
    `--as=${options.maxMemoryBytes ?? 2048 * MEBIBYTE}`,
    `--fsize=${options.maxFileBytes ?? 1024 * MEBIBYTE}`,
    `--cpu=${seconds}`,
    "--core=0",
  ];
  return [PRLIMIT, [...limits, "git", ...line]];
}

export interface GitProcess {
  stdout: Readable | null;
  /** Settles when the process has ended. @throws GitError */
  done: Promise<void>;
  /** Ends the process early; `done` then resolves. */
  stop(): void;
}

/**
 * Starts git for callers that read its output while it comes. The caller must read `stdout` to its end or `stop()`.
 * `maxOutputBytes` is not applied here.
 */
export function startGit(args: string[], options: GitOptions): GitProcess {
  const [file, argv] = commandLine(args, options);
  const { input, inputFile, outputFile } = options;
  const program = startProgram({ file, args: argv, env: environment(options), input, inputFile, outputFile });
  let stopped = false;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    program.kill();
  }, options.timeoutMs ?? 30_000);
  const done = program.ended.then(({ started, code, signal, stderr }) => {
    clearTimeout(timer);
    if (started && (stopped || code === 0)) return;
    const fault = !started ? "unavailable" : timedOut ? "timeout" : "failed";
    throw new GitError(fault, args[0] ?? "", code, signal, stderr.toString("utf8"));
  });
  // The caller may look at it later; a rejection in between is not an unhandled one.
  done.catch(() => {});
  return {
    stdout: program.stdout,
    done,
    stop() {
      stopped = true;
      program.kill();
      program.stdout?.destroy();
    },
  };
}

/**
 * Runs git to its end and gives its stdout (at most `maxOutputBytes`, 16 MiB by default).
 * @throws GitError
 */
export async function git(args: string[], options: GitOptions): Promise<Buffer> {
  const cap = options.maxOutputBytes ?? 16 * MEBIBYTE;
  const child = startGit(args, options);
  const chunks: Buffer[] = [];
  let size = 0;
  let over = false;
  child.stdout?.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= cap) chunks.push(chunk);
    else if (!over) {
      over = true;
      child.stop();
    }
  });
  await child.done;
  if (over) throw new GitError("output", args[0] ?? "", null, null, "");
  return Buffer.concat(chunks);
}

/** Refuses anything but a full object id, so that no argument can be read as an option or an expression. */
export function assertObjectId(id: string): string {
  if (!/^[0-9a-f]{40}$/.test(id)) throw new TypeError(`Not a git object id: ${id.slice(0, 60)}`);
  return id;
}
