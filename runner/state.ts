// What a runner remembers between starts: who it is, so that registering again frees the leases of its last life.
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const identity = z.object({ runner_id: z.string(), runner_secret: z.string() });
export type Identity = z.infer<typeof identity>;

/** The identity of the last registration, or null. A file that cannot be read counts as none. */
export function readIdentity(stateDir: string): Identity | null {
  try {
    return identity.parse(JSON.parse(readFileSync(join(stateDir, "runner.json"), "utf8")));
  } catch {
    return null;
  }
}

/** Stores the identity for this user only. */
export function writeIdentity(stateDir: string, value: Identity): void {
  writeWhole(join(stateDir, "runner.json"), JSON.stringify(identity.parse(value)));
}

/** A name for this state folder that marks its sandboxes, so that runners of one machine leave each other's alone. */
export function instanceId(stateDir: string): string {
  const path = join(stateDir, "instance");
  try {
    return z.uuid().parse(readFileSync(path, "utf8").trim());
  } catch {
    const created = randomUUID();
    writeWhole(path, created);
    return created;
  }
}

/**
 * Takes the state folder for this process; a second runner with the same one would remove the first one's sandboxes.
 * Throws an Error with a plain sentence when a live runner holds it.
 */
export function lockState(stateDir: string): void {
  mkdirSync(stateDir, { recursive: true, mode: 0o755 });
  const path = join(stateDir, "runner.pid");
  const holder = readHolder(path);
  if (holder && holder.pid !== process.pid && startTime(holder.pid) === holder.started) {
    throw new Error(
      `Another runner (process ${holder.pid}) uses ${stateDir}. Give this one its own RUNNER_STATE_DIR.`,
    );
  }
  writeWhole(path, JSON.stringify({ pid: process.pid, started: startTime(process.pid) }));
}

function readHolder(path: string): { pid: number; started: string } | null {
  try {
    return z
      .object({ pid: z.number().int(), started: z.string() })
      .parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return null;
  }
}

/** When a process started, in clock ticks since boot; a process id alone is used again sooner or later. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "gone";
  }
}

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
