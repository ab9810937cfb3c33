// Runs programs over a folder as a sandbox would: a fixed PATH, the toolchain of this source, nothing of the person's.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type RunOutput, TOOLCHAIN_DIR, type ToolCommand } from "@/server/toolchains/port";
import { toolchainDir } from "@/tests/support/toolchain";

/** What a sandbox has; somebody's own Python or Node must not decide. */
const PATH = "/usr/local/bin:/usr/bin:/bin";
const OUTPUT_CHARS = 4_000;

/** The files of a folder as an adapter asks about them, without git's own. */
export function filesIn(folder: string): { paths: string[]; readText: (file: string) => string | null } {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith(".git/"))
    .sort();
  return { paths, readText: (file) => readOrNull(join(folder, file)) };
}

/** Runs a toolchain's command and reads its report. */
export async function runTool(
  folder: string,
  { argv, env, timeoutMs, report }: ToolCommand,
): Promise<RunOutput> {
  const installed = await toolchainDir();
  const scratch = mkdtempSync(join(tmpdir(), "fabrica-eval-run-"));
  // The cache may itself lie below /tmp, so a text is rewritten once at most.
  const place = (text: string) =>
    text.startsWith(TOOLCHAIN_DIR)
      ? installed + text.slice(TOOLCHAIN_DIR.length)
      : text.replace(/^\/tmp(?=\/|$)/, scratch);
  try {
    const { exitCode, output } = await runProgram(folder, argv.map(place), env, timeoutMs);
    return {
      exitCode,
      stdout: output,
      stderr: "",
      report: report === null ? output : readOrNull(place(report)),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs a program; `exitCode` is null when it had to be ended. Of its output the end is kept. */
export function runProgram(
  cwd: string,
  [program = "", ...args]: string[],
  env: Record<string, string>,
  timeout: number,
): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const settings = { HOME: tmpdir(), LANG: "C.UTF-8", NODE_ENV: "test" as const, ...env, PATH };
    const child = spawn(program, args, { cwd, env: settings, timeout, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (chunk: Buffer) => {
      output = (output + chunk).slice(-OUTPUT_CHARS);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, output }));
  });
}

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
