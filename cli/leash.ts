/**
 * Preloaded into every process that the launcher starts. Invariant: no process outlives its launcher:
 * descriptor 3 is a pipe that nobody writes to, and it closes when the launcher is gone, even by SIGKILL.
 */
import { Socket } from "node:net";
import { isMainThread } from "node:worker_threads";

const LEASH_DESCRIPTOR = 3;
const GRACE_MS = 5_000;

function letGo(): void {
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => process.kill(process.pid, "SIGKILL"), GRACE_MS).unref();
}

if (isMainThread && process.env.FABRICA_LEASH === "1") {
  delete process.env.FABRICA_LEASH; // Children of this process have no such descriptor.
  const leash = new Socket({ fd: LEASH_DESCRIPTOR, readable: true, writable: false });
  leash.on("error", letGo);
  leash.on("end", letGo);
  leash.resume();
  leash.unref();
}
