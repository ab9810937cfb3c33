// Runs programs of the set-up. What they print is shown only when they fail, or with FABRICA_VERBOSE=1.
import { spawn } from "node:child_process";
import { ROOT } from "./root.mjs";
import { SetupError } from "./setup-error.mjs";

const TAIL_CHARS = 8_000;

/**
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, title: string, remedy?: string }} options
 * @returns {Promise<void>} rejects with a SetupError that carries the end of the output
 */
export async function runProgram(program, args, options) {
  const show = process.env.FABRICA_VERBOSE === "1";
  const child = spawn(program, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
  });
  let tail = "";
  const keep = (chunk) => {
    tail = (tail + chunk).slice(-TAIL_CHARS);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const stop = () => {
    child.kill("SIGTERM");
    child.once("close", () => process.exit(130));
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);
  const ended = await new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(signal ?? code));
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeListener(signal, stop);
  if (ended === 0) return;
  if (/ENOSPC|No space left/i.test(tail)) {
    throw new SetupError(
      `${options.title} failed: the disk is full.`,
      "Free some space and run the command again.",
    );
  }
  if (tail) process.stderr.write(`\n${tail.trimEnd()}\n`);
  throw new SetupError(
    `${options.title} failed (${program} ended with ${ended}).`,
    options.remedy ?? "The lines above say why. Mend it and run the command again.",
  );
}

/** Says what takes a while, and how long it took. */
export async function step(title, work) {
  const began = Date.now();
  process.stdout.write(`  ${title} …`);
  try {
    const answer = await work();
    process.stdout.write(` ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
    return answer;
  } catch (error) {
    process.stdout.write(" failed\n");
    throw error;
  }
}
