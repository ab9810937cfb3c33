// Runs one test program in a process group of its own, so that nothing it started outlives it.
import { spawn } from "node:child_process";
import { ROOT } from "../start/root.mjs";

const GRACE_MS = 30_000;
let current;

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is empty: that is what is wanted.
  }
}

/** @returns {Promise<number>} the exit code; 1 when a signal ended it */
export async function runPart(program, args, env = {}) {
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...env, FORCE_COLOR: process.stdout.isTTY ? "1" : "0" },
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  current = child;
  const code = await new Promise((resolve) => {
    child.once("error", (error) => {
      console.error(`${program} could not be started: ${error.message}`);
      resolve(1);
    });
    child.once("exit", (status) => resolve(status ?? 1));
  });
  if (child.pid) killGroup(child.pid, "SIGKILL");
  current = undefined;
  return code;
}

/** Passes Ctrl-C on to the running part, lets it clean up, and ends. */
export function stopOnSignal() {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.once(signal, () => {
      if (!current?.pid) process.exit(130);
      killGroup(current.pid, "SIGTERM");
      current.once("exit", () => process.exit(130));
      setTimeout(() => {
        if (current?.pid) killGroup(current.pid, "SIGKILL");
        process.exit(130);
      }, GRACE_MS);
    });
  }
}
