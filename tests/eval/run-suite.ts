// Runs a package's tests the way the factory would: with the toolchain's own programs, or with its command.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { TOOLCHAIN_DIR, type ToolCommand, type ToolchainAdapter } from "@/server/toolchains/port";
import { TOOLCHAINS } from "@/server/toolchains/registry";
import { toolchainDir } from "@/tests/support/toolchain";
import type { EvalTask } from "./task";

/** What a sandbox has; a person's own Python or Node must not decide. */
const PATH = "/usr/local/bin:/usr/bin:/bin";
const COMMAND_MS = 300_000;
const OUTPUT_CHARS = 4_000;

export interface SuiteResult {
  /** Ids of tests; of a command that only has an exit code, the command itself. */
  passed: string[];
  failed: string[];
  /** Why there is no result, when there is none. */
  unreadable: string | null;
  ms: number;
}

/** Runs all tests of a folder. */
export async function runSuite(folder: string, task: Pick<EvalTask, "commands">): Promise<SuiteResult> {
  const began = performance.now();
  const result = task.commands ? await runLine(folder, task.commands.test) : await runToolchains(folder);
  return { ...result, ms: performance.now() - began };
}

type Outcome = Omit<SuiteResult, "ms">;

async function runLine(folder: string, line: string): Promise<Outcome> {
  const { exitCode, output } = await runProgram(folder, ["sh", "-c", line], {}, COMMAND_MS);
  if (exitCode === null) return { passed: [], failed: [], unreadable: `It did not end by itself: ${output}` };
  return exitCode === 0
    ? { passed: [line], failed: [], unreadable: null }
    : { passed: [], failed: [line], unreadable: null };
}

async function runToolchains(folder: string): Promise<Outcome> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith(".git/"))
    .sort();
  const readText = (file: string) => readOrNull(join(folder, file));
  const total: Outcome = { passed: [], failed: [], unreadable: null };
  for (const toolchain of Object.values(TOOLCHAINS)) {
    if (!toolchain.applies(files)) continue;
    const command = toolchain.test(files, readText);
    if (!command) continue;
    const one = await runTool(folder, toolchain, command);
    total.passed.push(...one.passed);
    total.failed.push(...one.failed);
    total.unreadable ??= one.unreadable;
  }
  if (total.passed.length + total.failed.length === 0) total.unreadable ??= "No test was found.";
  return total;
}

async function runTool(folder: string, toolchain: ToolchainAdapter, command: ToolCommand): Promise<Outcome> {
  const installed = await toolchainDir();
  const scratch = mkdtempSync(join(tmpdir(), "fabrica-eval-run-"));
  try {
    const place = (text: string) =>
      text.startsWith(TOOLCHAIN_DIR)
        ? installed + text.slice(TOOLCHAIN_DIR.length)
        : text.replace(/^\/tmp(?=\/|$)/, scratch);
    const argv = command.argv.map(place);
    const { exitCode, output } = await runProgram(folder, argv, command.env, command.timeoutMs);
    const report = command.report === null ? output : readOrNull(place(command.report));
    const { tests, unreadable } = toolchain.parseTests({ exitCode, stdout: output, stderr: "", report });
    const ids = (...outcomes: string[]) =>
      tests.filter((test) => outcomes.includes(test.outcome)).map((test) => test.id);
    return { passed: ids("passed"), failed: ids("failed", "error"), unreadable };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function runProgram(
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
