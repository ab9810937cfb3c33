/**
 * Preloaded into every process that the launcher starts. Invariant: no process outlives its launcher:
 * descriptor 3 is a pipe that nobody writes to, and it closes when the launcher is gone, even by SIGKILL.
 */
import { Socket } from "node:net";
import { isMainThread } from "node:worker_threads";

const LEASH_DESCRIPTOR = 3;
const GRACE_MS = 5_000;

/** The process leads its own group, so this takes along whatever it started. */
function endGroup(): void {
  process.kill(-process.pid, "SIGKILL");
}

function letGo(): void {
  // Without a listener there is nothing to finish, and no exit event either.
  if (process.listenerCount("SIGTERM") === 0) endGroup();
  process.on("exit", endGroup);
  setTimeout(endGroup, GRACE_MS).unref();
  process.kill(process.pid, "SIGTERM");
}

if (isMainThread && process.env.FABRICA_LEASH === "1") {
  delete process.env.FABRICA_LEASH; // Children of this process have no such descriptor.
  const leash = new Socket({ fd: LEASH_DESCRIPTOR, readable: true, writable: false });
  leash.on("error", letGo);
  leash.on("end", letGo);
  leash.resume();
  leash.unref();
}
