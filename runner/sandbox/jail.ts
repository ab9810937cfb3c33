// One command in one jail: the argument list for bubblewrap, and the process from start to the last trace of it.
// Invariant: `runJail` settles only when every process of the jail is gone.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { SandboxLimits } from "../protocol";
import { readText } from "./cgroup-meter";
import type { Cgroup } from "./cgroups";
import { type JailSetup, NO_ENV } from "./jail-host";
import { OutputCap } from "./output-cap";
import {
  ENTER,
  type ExecOutcome,
  type ExecRequest,
  enterArgs,
  insideEnv,
  PATHS,
  SANDBOX_UID,
  SandboxError,
} from "./port";
import { signalOfExitCode } from "./signals";

// Joins the control groups, or does not start at all; then limits that need no group. dash counts -f in 512 bytes
// (twice the workspace, so that a full disk is told as such first).
const START = [
  'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift',
  "ulimit -c 0; ulimit -n 4096",
  'ulimit -f "$1"; shift',
  "echo 800 > /proc/self/oom_score_adj",
  'exec "$@"',
].join("; ");

// The first process of the namespace: waits for the program, counts what it left on pipe 3, and takes it along when
// it ends, because the kernel then kills the namespace. bubblewrap outside waits for exactly that.
// Its own standard error is closed to keep the shell's remark about a killed child out of the program's output.
const FIRST = [
  "exec 9>&2 2>/dev/null",
  `( exec 2>&9 3>&- 4>&- 9>&-; ${ENTER} )`,
  'code=$?; set -- /proc/[0-9]*; echo "$(($# - 1))" >&3; exit "$code"',
].join("; ");

const DEV_SHM_BYTES = 32 * 1024 * 1024;

/** The complete command line, from the shell on the host to the program inside. */
export function jailCommand(
  setup: JailSetup,
  folder: string,
  limits: SandboxLimits,
  request: ExecRequest,
  joinFiles: readonly string[],
): string[] {
  const env = insideEnv(request);
  if (request.env?.PATH === undefined) env.PATH = [env.PATH, ...setup.host.extraPath].join(":");
  const drop = setup.isRoot
    ? [
        "setpriv",
        "--reuid",
        String(SANDBOX_UID),
        "--regid",
        String(SANDBOX_UID),
        "--clear-groups",
        "--no-new-privs",
        "--",
      ]
    : [];
  const blocks = String(limits.work_mb * 4096);
  return [
    "/bin/sh",
    "-c",
    START,
    "sh",
    ...joinFiles,
    "--",
    blocks,
    ...drop,
    "bwrap",
    ...bwrapArgs(setup, folder, request, env),
  ];
}

function bwrapArgs(
  setup: JailSetup,
  folder: string,
  request: ExecRequest,
  env: Record<string, string>,
): string[] {
  const id = String(SANDBOX_UID);
  return [
    ...["--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"],
    ...[
      "--die-with-parent",
      "--new-session",
      "--as-pid-1",
      "--uid",
      id,
      "--gid",
      id,
      "--hostname",
      "sandbox",
    ],
    ...setup.host.readOnlyArgs,
    ...[
      "--proc",
      "/proc",
      "--dev",
      "/dev",
      "--perms",
      "1777",
      "--size",
      String(DEV_SHM_BYTES),
      "--tmpfs",
      "/dev/shm",
    ],
    ...["--bind", `${folder}/work`, PATHS.work, "--bind", `${folder}/tmp`, PATHS.tmp],
    ...(request.repository ? ["--bind", `${folder}/git`, PATHS.git] : []),
    ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"],
    ...["--json-status-fd", "4", "--clearenv"],
    ...Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--", "/bin/sh", "-c", FIRST, "sh"],
    ...enterArgs(request),
  ];
}

export interface JailContext {
  cgroup: Cgroup | null;
  /** Destroys the jail at once. */
  signal: AbortSignal;
  othersRunning(): boolean;
}

/** Runs the command line to its end. Throws SandboxError when the jail itself failed or was destroyed. */
export async function runJail(
  command: string[],
  request: ExecRequest,
  context: JailContext,
): Promise<ExecOutcome> {
  const { cgroup } = context;
  if (!context.othersRunning()) cgroup?.resetPeak();
  const killsBefore = cgroup?.oomKills() ?? 0;
  const cpuBefore = cgroup?.cpuTime();
  const started = performance.now();
  const [file = "", ...args] = command;
  const child = spawn(file, args, {
    cwd: "/",
    env: NO_ENV,
    stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"],
    detached: true,
  });
  const jail = new JailProcess(child, request);
  const destroy = () => jail.kill("destroyed");
  context.signal.addEventListener("abort", destroy, { once: true });
  const deadline = setTimeout(() => jail.kill("timeout"), request.timeoutMs);
  try {
    const code = await jail.end();
    const durationMs = performance.now() - started;
    if (jail.killedFor === "destroyed") throw new SandboxError("The sandbox was destroyed.", true);
    const oom = (cgroup?.oomKills() ?? 0) > killsBefore;
    const cpu = cgroup?.cpuTime();
    const timedOut = jail.killedFor === "timeout";
    return {
      ...(timedOut ? { exitCode: null, signal: "SIGKILL" } : signalOfExitCode(code)),
      timedOut,
      outOfMemory: !oom ? "no" : context.othersRunning() ? "possibly" : "yes",
      capped: jail.output.droppedBytes > 0,
      droppedBytes: jail.output.droppedBytes,
      killed: timedOut,
      leftovers: jail.leftovers(),
      durationMs,
      userMs: cpu && cpuBefore ? cpu.userMs - cpuBefore.userMs : 0,
      systemMs: cpu && cpuBefore ? cpu.systemMs - cpuBefore.systemMs : 0,
      maxRssKb: cgroup?.peakKb() ?? 0,
    };
  } finally {
    clearTimeout(deadline);
    context.signal.removeEventListener("abort", destroy);
  }
}

/** How long a killed jail may take to end before it is taken apart from outside. */
const LAST_RESORT_MS = 5_000;

/** The host's side of one jail. */
class JailProcess {
  killedFor: "timeout" | "destroyed" | null = null;
  readonly output: OutputCap;
  private status = "";
  private count = "";
  private lastResort: NodeJS.Timeout | undefined;
  private errorText = "";
  private readonly spawnError: Promise<never>;

  constructor(
    private readonly child: ChildProcess,
    request: ExecRequest,
  ) {
    this.output = new OutputCap(request.maxOutputBytes, (stream, data) => {
      if (stream === "stderr" && this.errorText.length < 2_000) this.errorText += data.toString("utf8");
      request.onOutput?.(stream, data);
    });
    this.spawnError = new Promise((_, reject) => {
      child.once("error", (error) =>
        reject(new SandboxError(`bubblewrap could not be started: ${error.message}`, false)),
      );
    });
    this.spawnError.catch(() => {});
    child.stdout?.on("data", (data: Buffer) => this.output.write("stdout", data));
    child.stderr?.on("data", (data: Buffer) => this.output.write("stderr", data));
    this.pipe(3).on("data", (data: Buffer) => {
      this.count = data.toString("latin1");
    });
    this.pipe(4).on("data", (data: Buffer) => {
      this.status += data.toString("utf8");
      this.killFirst();
    });
    // The program may end without reading all of it, which is no fault of ours.
    child.stdin?.on("error", () => {});
    child.stdin?.end(request.stdin ?? undefined);
  }

  private pipe(index: 3 | 4): Readable & Writable {
    return this.child.stdio[index] as Readable & Writable;
  }

  kill(reason: "timeout" | "destroyed"): void {
    if (this.killedFor !== "destroyed") this.killedFor = reason;
    this.killFirst();
    this.lastResort ??= setTimeout(() => this.killByForce(), LAST_RESORT_MS);
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

  /** How many processes outlived the main one. The program could write here too, so it is only told, never trusted. */
  leftovers(): number {
    const count = Number(this.count.trim());
    return Number.isInteger(count) && count >= 0 ? count : 0;
  }

  /** Waits until bubblewrap has reaped the namespace. Returns its exit code. */
  async end(): Promise<number | null> {
    const closed = once(this.child, "close") as Promise<[number | null]>;
    const [code] = await Promise.race([closed, this.spawnError]).finally(() => clearTimeout(this.lastResort));
    if (this.killedFor === null && !this.status.includes('"exit-code"')) {
      throw new SandboxError(
        `The jail could not be set up: ${this.errorText.trim() || `exit code ${code}`}`,
        false,
      );
    }
    return code;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was gone already: that is what was wanted.
  }
}
