// Looks at and kills the processes of the container. Only the container's init and this supervisor are never touched.
// Invariant: after `sweep` no process of the command lives, however it forked, because the kernel kills or stops
// everything at one moment; a scan of /proc alone can be outrun.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** How long dying processes may take before the container is given up. */
const SWEEP_MS = 5_000;

interface Found {
  pid: number;
  gid: number;
}

/** All living processes but init and this one. */
export function listProcesses(): Found[] {
  const found: Found[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === 1 || pid === process.pid) continue;
    const entry = readStatus(pid);
    if (entry) found.push(entry);
  }
  return found;
}

function readStatus(pid: number): Found | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    // A zombie holds nothing; init takes it away.
    if (/^State:\t[ZX]/m.test(status)) return null;
    return { pid, gid: Number(/^Gid:\t(\d+)/m.exec(status)?.[1] ?? -1) };
  } catch {
    return null;
  }
}

/**
 * Kills what a command has left. `gid` is the command's tag; `alone` says whether no other command lives, asked
 * anew in every round. Returns how many processes there were at first. Throws when some would not die.
 */
export async function sweep(gid: number, alone: () => boolean): Promise<number> {
  const deadline = performance.now() + SWEEP_MS;
  let count: number | null = null;
  for (;;) {
    if (alone()) {
      const left = listProcesses();
      count ??= left.length;
      if (left.length === 0) return count;
      signal(-1, "SIGKILL");
    } else {
      // Nothing forks while everything is stopped, so the scan sees every process of the command.
      signal(-1, "SIGSTOP");
      const left = listProcesses().filter((entry) => entry.gid === gid);
      count ??= left.length;
      for (const entry of left) signal(entry.pid, "SIGKILL");
      signal(-1, "SIGCONT");
      if (left.length === 0) return count;
    }
    if (performance.now() > deadline) throw new Error("Processes could not be killed.");
    await delay(1);
  }
}

/** Kills everything at once. */
export function killEverything(): void {
  signal(-1, "SIGKILL");
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Nobody was left to receive it: that is what was wanted.
  }
}
