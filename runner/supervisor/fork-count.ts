// Counts the processes that were started in this container by anybody but the supervisor, from the process ids that the
// kernel gives out in order. Invariant: when it says that nobody forked, nobody did; in doubt it says that somebody did.
import { openSync, readFileSync, readSync } from "node:fs";

/** The kernel's least number of process ids, for where the real one cannot be read. */
const LEAST_PID_MAX = 32_768;
/** No kernel starts processes faster than this, so within it times their number the ids cannot have come round. */
const FASTEST_FORK_MS = 0.002;

let loadavg: number | null = null;
const line = Buffer.alloc(128);

/** The process id that this container's kernel namespace has given out last; null where it is not told. */
export function lastPid(): number | null {
  try {
    loadavg ??= openSync("/proc/loadavg", "r");
    const length = readSync(loadavg, line, 0, line.length, 0);
    const last = Number(line.toString("latin1", 0, length).trim().split(" ")[4]);
    // Some runtimes show the file without ever counting.
    return last > 0 ? last : null;
  } catch {
    return null;
  }
}

function pidMax(): number {
  try {
    return Number(readFileSync("/proc/sys/kernel/pid_max", "latin1")) || LEAST_PID_MAX;
  } catch {
    return LEAST_PID_MAX;
  }
}

/** What was counted at one moment. */
export interface ForkCount {
  /** Whether it is certain that since then nothing was started but by the supervisor. */
  nobodySince(): boolean;
}

/** Where the counter learns of the kernel's ids and of time; the tests give their own. */
interface ForkSource {
  lastPid(): number | null;
  pidMax(): number;
  /** Milliseconds. */
  now(): number;
}

/** The counter. It must be told of every process that the supervisor starts, and be asked as soon as one has ended. */
export class ForkCounter {
  private strangers = 0;
  private last: number | null;
  private lookedAt: number;
  private readonly roundMs: number;

  constructor(private readonly source: ForkSource = { lastPid, pidMax, now: () => performance.now() }) {
    this.roundMs = source.pidMax() * FASTEST_FORK_MS;
    this.last = source.lastPid();
    this.lookedAt = source.now();
  }

  /** The supervisor has just started `pid`. Returns what to ask at the end of that process. */
  born(pid: number): ForkCount {
    this.move(pid, 1);
    const before = this.strangers;
    return {
      nobodySince: () => {
        this.move(this.source.lastPid(), 0);
        return this.last !== null && this.strangers === before;
      },
    };
  }

  /** Ids between the one seen last and `pid` went to strangers, but for `own` of them. */
  private move(pid: number | null, own: number): void {
    const now = this.source.now();
    const given = pid === null || this.last === null ? Number.NaN : pid - this.last;
    // Where the ids came round, or may have, who got how many cannot be told.
    const told = given >= own && now - this.lookedAt < this.roundMs;
    this.strangers += told ? given - own : 1;
    this.last = pid;
    this.lookedAt = now;
  }
}
