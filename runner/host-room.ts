// Whether this host has room for one more sandbox. A full disk fails a job in ways that look like faults of its
// program, so nothing is claimed while there is none; the reason goes to the log and, by heartbeat, to the page.
import { statfs } from "node:fs/promises";
import type { Log } from "./log";

const EVERY_MS = 5_000;
const LEAST_BYTES = 512 * 1024 * 1024;
const LEAST_FILES = 20_000;
const MEBIBYTE = 1024 * 1024;

/** Looks at the disk of one folder now and then. */
export class HostRoom {
  /** Why nothing can be taken just now, in one sentence; null when all is well. */
  trouble: string | null = null;
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly dir: string,
    private readonly log: Log,
  ) {}

  /** Looks once and then every five seconds until `stop`. */
  static async watch(dir: string, log: Log): Promise<HostRoom> {
    const room = new HostRoom(dir, log);
    await room.look();
    room.timer = setInterval(() => void room.look(), EVERY_MS);
    room.timer.unref();
    return room;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    const found = await troubleOf(this.dir);
    if (found === null && this.trouble !== null) this.log("there is room again; jobs are claimed as before");
    // Figures change all the time; what is said changes only when it begins or ends.
    if (found !== null && this.trouble === null) this.log(`no jobs are claimed: ${found}`);
    if ((found === null) !== (this.trouble === null)) this.trouble = found;
  }
}

/** Why the disk of a folder has no room for a job; null when it has. */
async function troubleOf(dir: string): Promise<string | null> {
  try {
    const { bavail, bsize, files, ffree } = await statfs(dir);
    const free = bavail * bsize;
    if (free < LEAST_BYTES)
      return `The disk of this host is nearly full: ${Math.floor(free / MEBIBYTE)} MB are free, ${LEAST_BYTES / MEBIBYTE} are needed.`;
    // Some file systems have no fixed number of files and say 0.
    if (files > 0 && ffree < LEAST_FILES)
      return `The disk of this host has room for ${ffree} more files only; ${LEAST_FILES} are needed.`;
    return null;
  } catch (error) {
    return `The disk of this host cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown fault"}.`;
  }
}
