// What the kernel has counted for this container, read as seldom as the truth allows: each reading opens several files.
// Invariant: a reading is used again only for a moment before which nothing but the supervisor can have lived since.
import type { CgroupMeter } from "../sandbox/cgroup-meter";

/** After this many milliseconds the supervisor's own processor time would show in the next command's. */
const KEPT_MS = 100;

/** All figures since the container began; zeros where the kernel does not count. */
export interface Usage {
  oomKills: number;
  userMs: number;
  systemMs: number;
  peakKb: number;
}

const NOTHING: Usage = { oomKills: 0, userMs: 0, systemMs: 0, peakKb: 0 };

export class UsageReader {
  private last: Usage = NOTHING;
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly meter: CgroupMeter | null) {}

  /** Before a command starts. `alone`: nothing else lives and nothing has since the last reading. */
  atStart(alone: boolean): Usage {
    return alone && performance.now() - this.readAt < KEPT_MS ? this.last : this.now();
  }

  /** What is counted at this moment. */
  now(): Usage {
    if (!this.meter) return NOTHING;
    const cpu = this.meter.cpuTime();
    this.last = { oomKills: this.meter.oomKills(), ...cpu, peakKb: this.meter.peakKb() };
    this.readAt = performance.now();
    return this.last;
  }
}
