// Starts the program of a command as the unprivileged user. Invariant: it never runs with this process' own rights,
// priority or place in the kernel's choice when memory runs out.
import { type ChildProcess, spawn } from "node:child_process";
import { openSync, writeSync } from "node:fs";
import { setPriority } from "node:os";
import { ENTER, NICE, PATHS, SANDBOX_UID } from "../sandbox/port";
import type { ExecOrder } from "./frames";

/** Children are taken first when memory runs out; this process returns to what the container was given. */
const CHILD_OOM_SCORE = "900";
const OWN_OOM_SCORE = "500";
const CHILD_NICENESS = 10;

/** The program could not be started; the container is unharmed. */
export class StartError extends Error {
  override name = "StartError";
}

/** The failure of a start as the error that says so. */
export function notStarted(error: unknown): StartError {
  return new StartError(`The command could not be started: ${(error as Error).message}`);
}

/**
 * Starts the program of an order under group `gid`. Throws StartError.
 * The folder is entered before the change of user, which is right for /work alone: the path to any other belongs to the
 * programs, and this process shall not follow it. Those, a /work that its owner has locked and a program that is not
 * there are left to a shell that runs as the unprivileged user, and to its exit codes.
 */
export function startProgram(order: ExecOrder, gid: number): ChildProcess {
  // The score is inherited; it is raised around the start because nobody may raise another user's process.
  setOomScore(CHILD_OOM_SCORE);
  try {
    // Node knows no program without a name; the shell has an answer.
    if (order.cwd === PATHS.work && order.argv[0] !== "") {
      const child = launchSlow(order, gid);
      if (child.pid !== undefined) return child;
      child.on("error", () => {});
    }
    return launch(["/bin/sh", "-c", ENTER, "sh", order.cwd, ...order.argv], "/", order, gid);
  } catch (error) {
    throw notStarted(error);
  } finally {
    setOomScore(OWN_OOM_SCORE);
  }
}

/** A program that starts another one slower costs more than most programs, so this thread is slow for that moment. */
function launchSlow(order: ExecOrder, gid: number): ChildProcess {
  if (!mayReturn()) return launch([...NICE, ...order.argv], PATHS.work, order, gid);
  setPriority(0, CHILD_NICENESS);
  try {
    return launch(order.argv, PATHS.work, order, gid);
  } finally {
    setPriority(0, 0);
  }
}

let returns: boolean | null = null;

/** Whether this process may take back its own priority; not every runtime lets it. */
function mayReturn(): boolean {
  returns ??= tryPriority(-1) && tryPriority(0);
  return returns;
}

function tryPriority(niceness: number): boolean {
  try {
    setPriority(0, niceness);
    return true;
  } catch {
    return false;
  }
}

function launch([file = "", ...args]: string[], cwd: string, order: ExecOrder, gid: number): ChildProcess {
  return spawn(file, args, {
    cwd,
    env: { ...order.env, ...(cwd === PATHS.work ? { PWD: cwd } : {}) } as unknown as NodeJS.ProcessEnv,
    uid: SANDBOX_UID,
    gid,
    detached: true,
    stdio: [order.input ? "pipe" : "ignore", "pipe", "pipe"],
  });
}

let oomScore: number | null = null;

function setOomScore(score: string): void {
  try {
    oomScore ??= openSync("/proc/self/oom_score_adj", "w");
    writeSync(oomScore, score, 0);
  } catch {
    // A runtime without it (gVisor) still has the memory limit; only the choice of the victim is the kernel's own.
  }
}
