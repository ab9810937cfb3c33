// The toolchain port: what a language needs in a workspace. A toolchain says which programs to run and reads
// their machine-readable reports; it runs nothing itself. Its programs live in the sandbox or in the read-only
// toolchain folder, mounted at TOOLCHAIN_DIR in every sandbox.
import type { Toolchain } from "../domain/stacks";

/** Where both sandbox drivers mount the read-only toolchain folder. */
export const TOOLCHAIN_DIR = "/opt/toolchain";

/** Paths (relative to the workspace root, `/` separated) of all files of the workspace's tree. */
export type FileList = readonly string[];

/** A program run with a report that is written to its standard output or to a file below /tmp. */
export interface ToolCommand {
  argv: string[];
  env: Record<string, string>;
  timeoutMs: number;
  /** Folder of the workspace in which it runs; its root when it is not given. */
  cwd?: string;
  /** Path of the machine-readable report inside the sandbox, or null when the report is standard output. */
  report: string | null;
}

export interface LintProblem {
  file: string;
  line: number;
  column: number;
  rule: string;
  message: string;
  severity: "error" | "warning";
}

export interface LintReport {
  tool: string;
  problems: LintProblem[];
  /** Set when the tool did not give a readable report: the check counts as failed. */
  unreadable: string | null;
}

export type TestOutcome = "passed" | "failed" | "error" | "skipped";

export interface TestResult {
  /** Stable id: `<file>::<suite>::<name>` as the collector gives it. */
  id: string;
  outcome: TestOutcome;
  durationMs: number;
  /** Failure text, at most 4,000 characters; empty when passed. */
  message: string;
}

export interface TestReport {
  tool: string;
  tests: TestResult[];
  unreadable: string | null;
}

/** Standard output and error of a finished run together with the report's text (null when there was none). */
export interface RunOutput {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  report: string | null;
}

/** A failing test written into the workspace to see that the runner reports failures. */
export interface Canary {
  path: string;
  content: string;
  /** The id under which the run must report it as failed. */
  id: string;
}

export interface ToolchainAdapter {
  readonly name: Toolchain;
  /** Whether this workspace has anything for this toolchain. */
  applies(files: FileList): boolean;
  /** Prints versions of the programs that will be used; exit 0 means the sandbox can serve this toolchain. */
  probe(): ToolCommand;
  /** Lint with the project's own configuration when it has one, else ours. */
  lint(files: FileList): ToolCommand | null;
  parseLint(output: RunOutput): LintReport;
  /** The test command by what the project uses; null when it has no tests. `readText` reads a file of the tree. */
  test(files: FileList, readText: (path: string) => string | null): ToolCommand | null;
  parseTests(output: RunOutput): TestReport;
  /** Lists the ids of all tests without running them. */
  collect(files: FileList, readText: (path: string) => string | null): ToolCommand | null;
  parseCollected(output: RunOutput): { ids: string[]; unreadable: string | null };
  /** A canary in the form that this project's test runner picks up; `token` makes its name unguessable. */
  canary(files: FileList, readText: (path: string) => string | null, token: string): Canary;
}
