// Runs a package's tests and linters as the factory would: with the toolchain's own programs, or with its command.
import { TOOLCHAINS } from "@/server/toolchains/registry";
import { filesIn, runProgram, runTool } from "./run-tool";
import type { EvalTask } from "./task";

const COMMAND_MS = 300_000;

export interface SuiteResult {
  /** Ids of tests; of a command that only has an exit code, the command itself. */
  passed: string[];
  failed: string[];
  /** Why there is no result, when there is none. */
  unreadable: string | null;
  ms: number;
}

type Outcome = Omit<SuiteResult, "ms">;

/** Runs all tests of a folder. */
export async function runSuite(folder: string, task: Pick<EvalTask, "commands">): Promise<SuiteResult> {
  const began = performance.now();
  const result = task.commands ? await runLine(folder, task.commands.test) : await runToolchains(folder);
  return { ...result, ms: performance.now() - began };
}

async function runLine(folder: string, line: string): Promise<Outcome> {
  const { exitCode, output } = await runProgram(folder, ["sh", "-c", line], {}, COMMAND_MS);
  const nothing = { passed: [], failed: [], unreadable: null };
  if (exitCode === null) return { ...nothing, unreadable: `It did not end by itself: ${output}` };
  return exitCode === 0 ? { ...nothing, passed: [line] } : { ...nothing, failed: [line] };
}

async function runToolchains(folder: string): Promise<Outcome> {
  const { paths, readText } = filesIn(folder);
  const total: Outcome = { passed: [], failed: [], unreadable: null };
  for (const toolchain of Object.values(TOOLCHAINS)) {
    const command = toolchain.applies(paths) ? toolchain.test(paths, readText) : null;
    if (!command) continue;
    const { tests, unreadable } = toolchain.parseTests(await runTool(folder, command));
    for (const { id, outcome } of tests) {
      if (outcome === "passed") total.passed.push(id);
      if (outcome === "failed" || outcome === "error") total.failed.push(id);
    }
    total.unreadable ??= unreadable;
  }
  if (total.passed.length + total.failed.length === 0) total.unreadable ??= "No test was found.";
  return total;
}

/** The linters' errors in a folder, as `file rule`, sorted; twice when there are two. */
export async function lintErrors(folder: string): Promise<string[]> {
  const { paths } = filesIn(folder);
  const found: string[] = [];
  for (const toolchain of Object.values(TOOLCHAINS)) {
    const command = toolchain.applies(paths) ? toolchain.lint(paths) : null;
    if (!command) continue;
    const { problems, unreadable } = toolchain.parseLint(await runTool(folder, command));
    if (unreadable) found.push(`(${toolchain.name}) ${unreadable.slice(0, 200)}`);
    for (const { file, rule, severity } of problems) if (severity === "error") found.push(`${file} ${rule}`);
  }
  return found.sort();
}
