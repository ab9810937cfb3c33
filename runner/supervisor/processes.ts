// Looks at and kills the processes of the container. Only the container's init and this supervisor are never touched.
// Invariant: after `sweep` no process of the command is there, however it forked, because the kernel kills or stops
// everything at one moment; a scan of /proc alone can be outrun.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type ForkCount, lastPid } from "./fork-count";

/** How long dying processes may take before the container is given up. */
const SWEEP_MS = 5_000;

interface Found {
  pid: number;
  gid: number;
  /** False for one that has ended and only waits for init to take it away. */
  alive: boolean;
}

/** All processes but init and this one, with those that init has not yet taken away: they, too, count to the limit. */
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
    // One whose first thread has ended looks like a zombie, however many others go on.
    const alive = !/^State:\t[ZX]/m.test(status) || !/^Threads:\t[01]$/m.test(status);
    return { pid, gid: Number(/^Gid:\t(\d+)/m.exec(status)?.[1] ?? -1), alive };
  } catch {
    return null;
  }
}

/** What a sweep must know of its command. */
interface Swept {
  /** The command's tag. */
  gid: number;
  /** Whether no other command lives; asked anew in every round. */
  alone(): boolean;
  /** What was counted when the command began; null while its main process may live. */
  begun: ForkCount | null;
}

/**
 * Kills what a command has left and waits until init has taken it away, so that the next one finds the limit of
 * processes unused. Returns how many lived at first. Throws when some would not go.
 */
export async function sweep({ gid, alone, begun }: Swept): Promise<number> {
  // With other commands around, the look at every process is what a short command would cost most.
  if (begun?.nobodySince()) return 0;
  const deadline = performance.now() + SWEEP_MS;
  let count: number | null = null;
  for (;;) {
    const round = alone() ? sweepAll() : sweepTagged(gid);
    count ??= round.found;
    if (round.clean) return count;
    if (performance.now() > deadline) throw new Error("Processes could not be killed.");
    await delay(1);
  }
}

interface Round {
  /** How many of the command lived. */
  found: number;
  /** Whether it is certain that nothing of the command is there. */
  clean: boolean;
}

/** The kernel looks at every process at one moment, so nothing escapes it by forking. */
function sweepAll(): Round {
  if (!signal(-1, 0)) return { found: 0, clean: true };
  const { found, complete } = scan();
  if (found.length > 0 || !complete) signal(-1, "SIGKILL");
  return { found: living(found), clean: found.length === 0 && complete };
}

function sweepTagged(gid: number): Round {
  const tagged = (found: readonly Found[]) => found.filter((entry) => entry.gid === gid);
  const quiet = scan();
  if (quiet.complete && tagged(quiet.found).length === 0) return { found: 0, clean: true };
  // Nothing forks while everything is stopped, so this look sees every process of the command.
  signal(-1, "SIGSTOP");
  const left = tagged(scan().found);
  for (const entry of left) signal(entry.pid, "SIGKILL");
  signal(-1, "SIGCONT");
  return { found: living(left), clean: left.length === 0 };
}

function living(found: readonly Found[]): number {
  return found.filter((entry) => entry.alive).length;
}

/** All processes; `complete` when none was started meanwhile, so that none can have slipped past. */
function scan(): { found: Found[]; complete: boolean } {
  const before = lastPid();
  const found = listProcesses();
  return { found, complete: before !== null && lastPid() === before };
}

/** Kills everything at once. */
export function killEverything(): void {
  signal(-1, "SIGKILL");
}

/** Sends a signal (0 only asks). Returns false when nobody was there to receive it. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
