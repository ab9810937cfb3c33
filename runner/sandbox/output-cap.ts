// Cuts each stream of a command at its cap and counts what is dropped. Shared by the jail and the supervisor.
import type { OnOutput, OutputStream } from "./port";

/** Counts bytes per stream and passes on at most `maxBytes` of each. */
export class OutputCap {
  droppedBytes = 0;
  private readonly passed = { stdout: 0, stderr: 0 };

  constructor(
    private readonly maxBytes: number,
    private readonly sink: OnOutput,
  ) {}

  /** Takes a piece as it was read; what lies over the cap is counted and forgotten. */
  write(stream: OutputStream, data: Buffer): void {
    const room = Math.max(0, this.maxBytes - this.passed[stream]);
    const kept = data.length <= room ? data : data.subarray(0, room);
    this.passed[stream] += kept.length;
    this.droppedBytes += data.length - kept.length;
    if (kept.length > 0) this.sink(stream, kept);
  }
}
