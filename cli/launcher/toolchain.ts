/**
 * Makes sure that the read-only toolchain of the sandboxes is installed; scripts/install-toolchain.mjs does the work.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { LauncherError } from "../launcher-error";

const TAIL_CHARS = 4_000;
/** An installed toolchain is found faster than this; anything longer deserves a word. */
const SILENT_MS = 1_500;

/**
 * @param root root of the clone
 * @param options `say` is told when it takes a while; `signal` gives up
 * @returns the folder to mount into sandboxes
 * @throws LauncherError when the packages cannot be installed
 */
export async function ensureToolchain(
  root: string,
  { say, signal }: { say: (line: string) => void; signal?: AbortSignal },
): Promise<string> {
  const child = spawn(process.execPath, [join(root, "scripts", "install-toolchain.mjs")], {
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk: Buffer) => {
      output[name] = (output[name] + chunk).slice(-TAIL_CHARS);
    });
  }
  const word = setTimeout(
    () => say("Installing the sandboxes' linters and test runners (once) …"),
    SILENT_MS,
  );
  const code = await new Promise<number | string | null>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", resolve);
  });
  clearTimeout(word);
  if (code === 0) return output.stdout.trim().split("\n").at(-1) ?? "";
  const reason = output.stderr.split("\n").filter((line) => /npm error|Error:/.test(line));
  throw new LauncherError(
    `The sandboxes' linters and test runners could not be installed: ${reason.slice(0, 3).join(" ") || code}`,
    "Check the connection to your npm registry (`npm ping`) and the free disk space, then start again.",
  );
}
