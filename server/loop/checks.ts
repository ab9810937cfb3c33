// Which programs check a workspace, and what their reports say: the built-in linters and test runners, or the project's
// own shell lines. Faults that the base had already are known, and nobody is blamed for them.
import type { Db } from "../db";
import { workKind } from "../domain/job-kind";
import type { Job } from "../generated/prisma/client";
import type { WorkspaceFiles } from "../services/workspace/workspace-files";
import type {
  LintProblem,
  LintReport,
  RunOutput,
  TestReport,
  ToolCommand,
  ToolchainAdapter,
} from "../toolchains/port";
import type { EffectiveCommand, EffectiveConfig } from "../toolchains/project-config";
import { TOOLCHAINS } from "../toolchains/registry";
import { readShellLint, readShellTests, SHELL_LINT_RULE } from "../toolchains/shell-checks";
import { configOf, projectOf } from "./change-project";
import type { Tool } from "./run-programs";

export interface Linter extends Tool {
  parse: (output: RunOutput) => LintReport;
}

export interface Suite extends Tool {
  name: string;
  parse: (output: RunOutput) => TestReport;
  /** Null for a shell line: it cannot list its tests, and what it says cannot be compared with anything. */
  toolchain: ToolchainAdapter | null;
}

/** How one job is checked. */
export interface Checks {
  linters: (files: WorkspaceFiles, key: string) => Linter[];
  suites: (files: WorkspaceFiles, key: string) => Suite[];
  /** The files that the toolchains look at, named as they see them: of the project's folder only. */
  files: (files: WorkspaceFiles) => WorkspaceFiles;
  /** The project's folder, "" for the root. */
  folder: string;
  /** Null for a new project. */
  config: EffectiveConfig | null;
}

/** @throws GiveUp when the project is gone or its fabrica.json cannot be used */
export async function checksOf(db: Db, job: Job): Promise<Checks> {
  if (workKind(job) !== "change") return checksBy(null);
  return checksBy(await configOf(await projectOf(db, job), job));
}

/** @param config null for a new project */
export function checksBy(config: EffectiveConfig | null): Checks {
  const folder = config?.folder ?? "";
  const seen = (files: WorkspaceFiles) => below(files, folder);
  return {
    folder,
    config,
    files: seen,
    linters: (all, key) => {
      if (config?.lint.command)
        return [{ key: `${key}/command`, command: shell(config.lint, folder), parse: readShellLint }];
      const files = seen(all);
      return toolchainsIn(files).flatMap((toolchain) => {
        const command = toolchain.lint(files.paths);
        return command
          ? [
              {
                key: `${key}/${toolchain.name}`,
                command: inFolder(command, folder),
                parse: toolchain.parseLint,
              },
            ]
          : [];
      });
    },
    suites: (all, key) => {
      if (config?.test.command) {
        const command = shell(config.test, folder);
        return [
          { name: "test command", key: `${key}/command`, command, parse: readShellTests, toolchain: null },
        ];
      }
      const files = seen(all);
      return toolchainsIn(files).flatMap((toolchain) => {
        const command = toolchain.test(files.paths, files.readText);
        return command
          ? [
              {
                name: toolchain.name,
                key: `${key}/${toolchain.name}`,
                command: inFolder(command, folder),
                parse: toolchain.parseTests,
                toolchain,
              },
            ]
          : [];
      });
    },
  };
}

/** A toolchain's command in the folder that its files were named from. */
export const inFolder = (command: ToolCommand, folder: string): ToolCommand =>
  folder === "" ? command : { ...command, cwd: folder };

function shell({ command, timeoutMs }: EffectiveCommand, folder: string): ToolCommand {
  const run = {
    argv: ["sh", "-c", command ?? ""],
    env: {},
    timeoutMs,
    report: null,
  };
  return inFolder(run, folder);
}

/** The toolchains that have something in this workspace. */
function toolchainsIn(files: WorkspaceFiles): ToolchainAdapter[] {
  return Object.values(TOOLCHAINS).filter((toolchain) => toolchain.applies(files.paths));
}

function below(files: WorkspaceFiles, folder: string): WorkspaceFiles {
  if (folder === "") return files;
  const start = `${folder}/`;
  return {
    paths: files.paths.flatMap((path) => (path.startsWith(start) ? [path.slice(start.length)] : [])),
    readText: (path) => files.readText(start + path),
  };
}

export interface StoredLint {
  reports: LintReport[];
  /** Problems of the base that are still there; not among the reports. */
  known: number;
}
export interface StoredTests {
  reports: TestReport[];
  passed: number;
  failed: number;
  skipped: number;
  /** Ids of tests that fail now and failed on the base; they are not counted as failed. */
  known: string[];
  /** Tests that passed on the base and are not run any more. */
  lost?: string[];
}

/** What was wrong on the base already. */
export interface KnownFaults {
  /** How many problems of a kind each file had; by {@link problemKind}. */
  lint: ReadonlyMap<string, number>;
  /** Linters that could not be read on the base: they decide nothing. */
  unreadable: ReadonlySet<string>;
  tests: ReadonlySet<string>;
  /** Tests that passed on the base and have to be run as long as nobody has named their files for the job. */
  passed: ReadonlySet<string>;
  /** All tests that ran on the base, so that one that no collector lists is nothing new. */
  reported: ReadonlySet<string>;
  /** Test files of which nothing passed on the base: those that cannot even be loaded run none of their tests. */
  deadFiles: ReadonlySet<string>;
}

export const NO_FAULTS: KnownFaults = {
  lint: new Map(),
  unreadable: new Set(),
  tests: new Set(),
  passed: new Set(),
  reported: new Set(),
  deadFiles: new Set(),
};

/** The file that a test's id begins with. */
export const fileOfTest = (id: string): string => id.split("::", 1)[0] ?? id;

/** Lines move and lengths change with a file: a problem is known by what it is about, not by where it is. */
export const problemKind = (tool: string, { file, rule, message }: LintProblem) =>
  // Of a shell line only the end is known; what it says on the way is never twice the same.
  [tool, file, rule, ...(rule === SHELL_LINT_RULE && file === "" ? [] : [message.replace(/\d+/g, "#")])].join(
    "\n",
  );

export interface Verdict<Kind extends string, Report> {
  kind: Kind;
  passed: boolean;
  report: Report;
  summary: string;
}

/** What the linters found; passed when there is no error that the base did not have. */
export function readLint(
  tools: readonly Linter[],
  outputs: readonly RunOutput[],
  known: KnownFaults = NO_FAULTS,
): Verdict<"lint", StoredLint> {
  const left = new Map(known.lint);
  let spared = 0;
  const reports = tools.map(({ parse }, i) => {
    const report = parse(outputs[i] as RunOutput);
    const problems = report.problems.filter((problem) => {
      const kind = problemKind(report.tool, problem);
      const count = left.get(kind) ?? 0;
      if (count === 0) return true;
      left.set(kind, count - 1);
      spared++;
      return false;
    });
    const unreadable = known.unreadable.has(report.tool) ? null : report.unreadable;
    return { ...report, problems, unreadable };
  });
  const errors = reports.flatMap((report) => report.problems.filter(({ severity }) => severity === "error"));
  const unreadable = reports.find((report) => report.unreadable)?.unreadable ?? null;
  const passed = errors.length === 0 && unreadable === null;
  const found = passed ? "no problems" : `${errors.length} problems`;
  const summary = unreadable ?? (spared > 0 ? `${found} but ${spared} that the base had` : found);
  return { kind: "lint", passed, report: { reports, known: spared }, summary };
}

/** What the tests came to; passed when there are some and none failed that had not failed on the base. */
export function readTests(
  tools: readonly Suite[],
  outputs: readonly RunOutput[],
  known: KnownFaults = NO_FAULTS,
): Verdict<"test", StoredTests> {
  const reports = tools.map(({ parse }, i) => parse(outputs[i] as RunOutput));
  const stored = countTests(reports, known);
  const unreadable = reports.find((report) => report.unreadable)?.unreadable ?? null;
  const lost = stored.lost?.length ?? 0;
  const passed = unreadable === null && stored.failed === 0 && stored.passed > 0 && lost === 0;
  const failedBefore =
    stored.known.length > 0 ? `, ${stored.known.length} that fail on the base as well` : "";
  const gone = lost > 0 ? `, ${lost} of the base are not run any more` : "";
  const summary =
    unreadable ??
    (stored.passed + stored.failed === 0
      ? `no tests ran${failedBefore}`
      : `${stored.passed} passed, ${stored.failed} failed${failedBefore}${gone}`);
  return { kind: "test", passed, report: stored, summary };
}

export const isRed = ({ outcome }: { outcome: string }) => outcome === "failed" || outcome === "error";

/**
 * Tests that passed on the base and are gone or skipped now. Under another name or in another file a test is still
 * there, as long as its file runs no fewer tests than before.
 */
export function lostTests(passedBefore: ReadonlySet<string>, reports: readonly TestReport[]): string[] {
  if (passedBefore.size === 0 || reports.some(({ unreadable }) => unreadable !== null)) return [];
  const run = reports.flatMap(({ tests }) =>
    tests.flatMap((test) => (test.outcome === "skipped" ? [] : test.id)),
  );
  const nameOf = (id: string) => id.slice(fileOfTest(id).length);
  const names = new Set(run.map(nameOf));
  const before = countBy([...passedBefore].map(fileOfTest));
  const now = countBy(run.map(fileOfTest));
  return [...passedBefore].filter((id) => {
    const file = fileOfTest(id);
    return !names.has(nameOf(id)) && (now.get(file) ?? 0) < (before.get(file) ?? 0);
  });
}

function countBy(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

export function countTests(reports: TestReport[], known: KnownFaults = NO_FAULTS): StoredTests {
  const all = reports.flatMap((report) => report.tests);
  const red = all.filter(isRed);
  const before = red.filter(({ id }) => known.tests.has(id));
  const count = (outcome: string) => all.filter((test) => test.outcome === outcome).length;
  return {
    reports,
    passed: count("passed"),
    failed: red.length - before.length,
    skipped: count("skipped"),
    known: before.map(({ id }) => id),
    lost: lostTests(known.passed, reports),
  };
}
