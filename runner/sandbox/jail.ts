// One command in one jail: measured and classified from its order to the last trace of it.
import type { Cgroup } from "./cgroups";
import type { JailProcess } from "./jail-process";
import { type ExecOutcome, type ExecRequest, SandboxError } from "./port";
import { signalOfExitCode } from "./signals";

/** What a command shares with the others of its sandbox. */
export interface JailContext {
  cgroup: Cgroup | null;
  /** Destroys the jail at once. */
  signal: AbortSignal;
  othersRunning(): boolean;
}

/**
 * Gives the jail its order and waits for its end. Time, memory and processor time count from the order on, however long
 * the jail has waited for it. Throws OrderNotTakenError when the jail died before it took the order, and SandboxError
 * when it failed otherwise or was destroyed.
 */
export async function runJail(
  jail: JailProcess,
  request: ExecRequest,
  order: string,
  context: JailContext,
): Promise<ExecOutcome> {
  const { cgroup } = context;
  if (!context.othersRunning()) cgroup?.resetPeak();
  const killsBefore = cgroup?.oomKills() ?? 0;
  const cpuBefore = cgroup?.cpuTime();
  const started = performance.now();
  jail.start(request, order);
  const destroy = () => jail.kill("destroyed");
  context.signal.addEventListener("abort", destroy, { once: true });
  const stop = () => jail.kill("order");
  request.signal?.addEventListener("abort", stop, { once: true });
  if (request.signal?.aborted) stop();
  const deadline = setTimeout(() => jail.kill("timeout"), request.timeoutMs);
  try {
    const code = await jail.end();
    const durationMs = performance.now() - started;
    if (jail.killedFor === "destroyed") throw new SandboxError("The sandbox was destroyed.", true);
    const oom = (cgroup?.oomKills() ?? 0) > killsBefore;
    const cpu = cgroup?.cpuTime();
    const timedOut = jail.killedFor === "timeout";
    return {
      ...(jail.killedFor ? { exitCode: null, signal: "SIGKILL" } : signalOfExitCode(code)),
      timedOut,
      outOfMemory: !oom ? "no" : context.othersRunning() ? "possibly" : "yes",
      capped: jail.droppedBytes > 0,
      droppedBytes: jail.droppedBytes,
      killed: jail.killedFor !== null,
      leftovers: jail.leftovers(),
      durationMs,
      userMs: cpu && cpuBefore ? cpu.userMs - cpuBefore.userMs : 0,
      systemMs: cpu && cpuBefore ? cpu.systemMs - cpuBefore.systemMs : 0,
      maxRssKb: cgroup?.peakKb() ?? 0,
    };
  } finally {
    clearTimeout(deadline);
    context.signal.removeEventListener("abort", destroy);
    request.signal?.removeEventListener("abort", stop);
  }
}
