/**
 * One launcher per data folder. The lock is a file with the holder's process id and start time, so that
 * a lock left by a killed launcher, even with its id in use again, is recognised as stale.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LauncherError } from "../launcher-error";

/** Who holds a data folder. */
export interface LockHolder {
  pid: number;
  /** Start time of the process in clock ticks since boot; null where /proc is missing. */
  started: string | null;
  /** Address of the app. */
  url: string;
}

/** A held lock. `stale` tells that a predecessor was killed and may have left processes that are just ending. */
export interface Lock {
  stale: boolean;
  release(): void;
}

function startTime(pid: number): string | null {
  try {
    // The command name may hold spaces and brackets; the fields count from behind the last bracket.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const pathOf = (dataDir: string) => join(dataDir, "launcher.lock");

function readHolder(dataDir: string): LockHolder | null {
  try {
    return JSON.parse(readFileSync(pathOf(dataDir), "utf8")) as LockHolder;
  } catch {
    return null;
  }
}

/** The launcher that runs with this data folder now, if any. */
export function findHolder(dataDir: string): LockHolder | null {
  const holder = readHolder(dataDir);
  if (!holder || !isAlive(holder.pid) || startTime(holder.pid) !== holder.started) return null;
  return holder;
}

/** Takes the lock. @throws LauncherError when another launcher lives. */
export function takeLock(dataDir: string, url: string): Lock {
  mkdirSync(dataDir, { recursive: true });
  const holder = findHolder(dataDir);
  if (holder) {
    throw new LauncherError(
      `Fabrica is already running with the data folder ${dataDir} (process ${holder.pid}, ${holder.url}).`,
      "Use that one, stop it with Ctrl-C, or start another with its own DATA_DIR and PORT.",
    );
  }
  const stale = readHolder(dataDir) !== null;
  const mine: LockHolder = { pid: process.pid, started: startTime(process.pid), url };
  writeFileSync(pathOf(dataDir), JSON.stringify(mine));
  return { stale, release: () => rmSync(pathOf(dataDir), { force: true }) };
}
