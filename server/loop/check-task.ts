// Steps "lint" and "test": the tools' own reports decide. Both run in one go, because the fixer gets both.
import { type Db, runStatement } from "../db";
import type { NewJobEvent } from "../domain/events";
import { GiveUp } from "../domain/step-outcome";
import { taskProgress } from "../domain/steps";
import { ANNOUNCED, appending } from "../events/append";
import { type Job, Prisma } from "../generated/prisma/client";
import { activeJob } from "../services/jobs/active-job";
import { type StepChange, setStep, stepChange } from "../services/jobs/set-step";
import { redactAll } from "../services/redact";
import { type WorkspaceFiles, workspaceFiles } from "../services/workspace/workspace-files";
import type { LintReport, RunOutput, TestReport, ToolchainAdapter } from "../toolchains/port";
import { TOOLCHAINS } from "../toolchains/registry";
import { queueCommands, runTools, type Tool, toolCommands } from "./run-programs";
import type { TaskRef } from "./work-on-task";

export interface StoredLint {
  reports: LintReport[];
}
export interface StoredTests {
  reports: TestReport[];
  passed: number;
  failed: number;
  skipped: number;
}

/** The toolchains that have something in this workspace. */
export function toolchainsIn(files: WorkspaceFiles): ToolchainAdapter[] {
  return Object.values(TOOLCHAINS).filter((toolchain) => toolchain.applies(files.paths));
}

/**
 * Lints and tests the workspace as it is after fix round `round` (0: before any).
 * @returns whether everything is green
 */
export async function checkTask(db: Db, ref: TaskRef, round: number): Promise<{ green: boolean }> {
  const job = await activeJob(db, ref);
  const base = `task-${ref.n}/${round}`;
  const [iteration, files] = await Promise.all([iterationOf(db, job, ref, round), workspaceFiles(job)]);
  await setStep(db, job, {
    step: "lint",
    progress: taskProgress(ref.n, ref.of, "lint"),
    task: ref.n,
    iteration,
  });
  const linters = lintersOf(files, `${base}/lint`);
  const suites = suitesOf(files, `${base}/test`);
  await queueCommands(
    db,
    job,
    [...linters, ...suites].flatMap(({ key, command }) => toolCommands(key, command)),
  );
  const linted = readLint(linters, await runTools(db, job, linters, { queued: true }));
  const step = stepChange(job, {
    step: "test",
    progress: taskProgress(ref.n, ref.of, "test"),
    task: ref.n,
  });
  await storeCheck(db, job, { ...linted, key: `${base}/lint`, task: ref.n }, step);
  const tested = readTests(suites, await runTools(db, job, suites, { queued: true }));
  await storeCheck(db, job, { ...tested, key: `${base}/test`, task: ref.n });
  return { green: linted.passed && tested.passed };
}

/** Iterations count the rounds of generating or fixing over all tasks. */
async function iterationOf(db: Db, job: Job, ref: TaskRef, round: number): Promise<number> {
  const earlier = await db.task.aggregate({
    where: { jobId: job.id, run: job.run, n: { lt: ref.n } },
    _sum: { fixes: true },
  });
  return ref.n + (earlier._sum.fixes ?? 0) + round;
}

export interface ToolOf extends Tool {
  toolchain: ToolchainAdapter;
}

/** The linters of a workspace. */
export function lintersOf(files: WorkspaceFiles, key: string): ToolOf[] {
  return toolchainsIn(files).flatMap((toolchain) => {
    const command = toolchain.lint(files.paths);
    return command ? [{ toolchain, key: `${key}/${toolchain.name}`, command }] : [];
  });
}

function suitesOf(files: WorkspaceFiles, key: string): ToolOf[] {
  return toolchainsIn(files).flatMap((toolchain) => {
    const command = toolchain.test(files.paths, files.readText);
    return command ? [{ toolchain, key: `${key}/${toolchain.name}`, command }] : [];
  });
}

/** What the linters found; passed when there is no error. */
export function readLint(tools: readonly ToolOf[], outputs: readonly RunOutput[]): Verdict {
  const reports = tools.map(({ toolchain }, i) => toolchain.parseLint(outputs[i] as RunOutput));
  const errors = reports.flatMap((report) =>
    report.problems.filter((problem) => problem.severity === "error"),
  );
  const unreadable = reports.find((report) => report.unreadable)?.unreadable ?? null;
  const passed = errors.length === 0 && unreadable === null;
  const summary = unreadable ?? (passed ? "no problems" : `${errors.length} problems`);
  return { kind: "lint", passed, report: { reports } satisfies StoredLint, summary };
}

/** What the tests came to; passed when there are some and all passed. */
function readTests(tools: readonly ToolOf[], outputs: readonly RunOutput[]): Verdict {
  const reports = tools.map(({ toolchain }, i) => toolchain.parseTests(outputs[i] as RunOutput));
  const stored = countTests(reports);
  const unreadable = reports.find((report) => report.unreadable)?.unreadable ?? null;
  const passed = unreadable === null && stored.failed === 0 && stored.passed > 0;
  const summary =
    unreadable ??
    (stored.passed + stored.failed === 0
      ? "no tests ran"
      : `${stored.passed} passed, ${stored.failed} failed`);
  return { kind: "test", passed, report: stored, summary };
}

export function countTests(reports: TestReport[]): StoredTests {
  const all = reports.flatMap((report) => report.tests);
  const count = (...outcomes: string[]) => all.filter((test) => outcomes.includes(test.outcome)).length;
  return { reports, passed: count("passed"), failed: count("failed", "error"), skipped: count("skipped") };
}

interface Verdict {
  kind: "lint" | "test" | "verify";
  passed: boolean;
  report: unknown;
  summary: string;
}

interface Check extends Verdict {
  key: string;
  task: number | null;
}

/** Stores a check's result once, with its event and the step that follows it. */
export async function storeCheck(
  db: Db,
  job: Job,
  { key, kind, passed, report, summary, task }: Check,
  next: StepChange = { events: [], set: Prisma.empty },
): Promise<void> {
  const clean = JSON.stringify(redactAll(report));
  const finished: NewJobEvent = {
    type: "check.finished",
    data: { kind, task, passed, summary: summary.slice(0, 500) },
  };
  const results =
    kind === "test"
      ? Prisma.sql`, test_results = ${JSON.stringify(totalsOf(report as StoredTests))}::jsonb`
      : Prisma.empty;
  await runStatement(
    db,
    Prisma.sql`
    WITH made AS (
      INSERT INTO check_run (job_id, run, key, kind, passed, report)
      VALUES (${job.id}, ${job.run}::int, ${key}, ${kind}, ${passed}, ${clean}::jsonb)
      ON CONFLICT DO NOTHING RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM made`, [finished, ...next.events], Prisma.sql`${results} ${next.set}`)}
    ${ANNOUNCED}`,
  );
}

const totalsOf = ({ passed, failed, skipped }: StoredTests) => ({
  passed,
  failed,
  skipped,
  total: passed + failed + skipped,
});

/** The whole failing output of a round, as the fixer gets it. */
export async function failureText(
  db: Db,
  job: Job,
  n: number,
  round: number,
): Promise<{ text: string; failing: string }> {
  const checks = await db.checkRun.findMany({
    where: {
      jobId: job.id,
      run: job.run,
      key: { in: [`task-${n}/${round}/lint`, `task-${n}/${round}/test`] },
      passed: false,
    },
  });
  if (checks.length === 0) throw new GiveUp("no_failure", "A fix was asked for without a failing check.");
  const parts: string[] = [];
  const names: string[] = [];
  for (const check of checks) {
    if (check.kind === "lint") {
      for (const report of (check.report as unknown as StoredLint).reports) {
        if (report.unreadable) parts.push(`${report.tool}: ${report.unreadable}`);
        for (const p of report.problems)
          parts.push(`${report.tool}: ${p.file}:${p.line}:${p.column} ${p.rule} ${p.message}`);
        names.push(...report.problems.map((p) => `${p.rule} in ${p.file}`));
      }
    } else {
      const { reports, passed, failed } = check.report as unknown as StoredTests;
      for (const report of reports) {
        if (report.unreadable) parts.push(`${report.tool}: ${report.unreadable}`);
        for (const test of report.tests.filter(
          (one) => one.outcome === "failed" || one.outcome === "error",
        )) {
          parts.push(`${report.tool}: ${test.id} ${test.outcome}\n${test.message}`);
          names.push(test.id);
        }
      }
      if (passed + failed === 0) parts.push("No test ran. Every task needs tests that pass.");
    }
  }
  return {
    text: parts.join("\n\n").slice(0, 60_000),
    failing: names[0] ?? parts[0]?.slice(0, 200) ?? "check",
  };
}
