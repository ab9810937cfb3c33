// Steps "lint" and "test": the tools' own reports decide. Both run in one go, because the fixer gets both.
import type { Db } from "../db";
import { GiveUp } from "../domain/step-outcome";
import { taskProgress } from "../domain/steps";
import { appendEvents } from "../events/append";
import type { Job, Prisma } from "../generated/prisma/client";
import { activeJob } from "../services/jobs/active-job";
import { setStep } from "../services/jobs/set-step";
import { redactAll } from "../services/redact";
import type { LintReport, TestReport, ToolchainAdapter } from "../toolchains/port";
import { TOOLCHAINS } from "../toolchains/registry";
import { runTools } from "./run-programs";
import type { TaskRef } from "./work-on-task";
import { type WorkspaceFiles, workspaceFiles } from "./workspace-files";

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
  await setStep(db, job, {
    step: "lint",
    progress: taskProgress(ref.n, ref.of, "lint"),
    task: ref.n,
    iteration: await iterationOf(db, job, ref, round),
  });
  const files = await workspaceFiles(job);
  const lint = await lintWorkspace(db, job, files, `${base}/lint`, ref.n);
  await setStep(db, job, { step: "test", progress: taskProgress(ref.n, ref.of, "test"), task: ref.n });
  const tests = await testWorkspace(db, job, files, `${base}/test`, ref.n);
  return { green: lint && tests };
}

/** Iterations count the rounds of generating or fixing over all tasks. */
async function iterationOf(db: Db, job: Job, ref: TaskRef, round: number): Promise<number> {
  const earlier = await db.task.aggregate({
    where: { jobId: job.id, run: job.run, n: { lt: ref.n } },
    _sum: { fixes: true },
  });
  return ref.n + (earlier._sum.fixes ?? 0) + round;
}

/** Runs every linter, stores the reports under `key`. @returns whether there is no error */
export async function lintWorkspace(
  db: Db,
  job: Job,
  files: WorkspaceFiles,
  key: string,
  task: number | null,
): Promise<boolean> {
  const tools = toolchainsIn(files).flatMap((toolchain) => {
    const command = toolchain.lint(files.paths);
    return command ? [{ toolchain, key: `${key}/${toolchain.name}`, command }] : [];
  });
  const outputs = await runTools(db, job, tools);
  const reports = outputs.map((output, i) => (tools[i] as (typeof tools)[0]).toolchain.parseLint(output));
  const errors = reports.flatMap((report) =>
    report.problems.filter((problem) => problem.severity === "error"),
  );
  const unreadable = reports.find((report) => report.unreadable)?.unreadable ?? null;
  const passed = errors.length === 0 && unreadable === null;
  const summary = unreadable ?? (passed ? "no problems" : `${errors.length} problems`);
  await storeCheck(db, job, {
    key,
    kind: "lint",
    passed,
    report: { reports } satisfies StoredLint,
    summary,
    task,
  });
  return passed;
}

/** Runs every test suite, stores the reports under `key`. @returns whether there are tests and all passed */
export async function testWorkspace(
  db: Db,
  job: Job,
  files: WorkspaceFiles,
  key: string,
  task: number | null,
): Promise<boolean> {
  const tools = toolchainsIn(files).flatMap((toolchain) => {
    const command = toolchain.test(files.paths, files.readText);
    return command ? [{ toolchain, key: `${key}/${toolchain.name}`, command }] : [];
  });
  const outputs = await runTools(db, job, tools);
  const reports = outputs.map((output, i) => (tools[i] as (typeof tools)[0]).toolchain.parseTests(output));
  const stored = countTests(reports);
  const unreadable = reports.find((report) => report.unreadable)?.unreadable ?? null;
  const passed = unreadable === null && stored.failed === 0 && stored.passed > 0;
  const summary =
    unreadable ??
    (stored.passed + stored.failed === 0
      ? "no tests ran"
      : `${stored.passed} passed, ${stored.failed} failed`);
  await storeCheck(db, job, { key, kind: "test", passed, report: stored, summary, task });
  return passed;
}

export function countTests(reports: TestReport[]): StoredTests {
  const all = reports.flatMap((report) => report.tests);
  const count = (...outcomes: string[]) => all.filter((test) => outcomes.includes(test.outcome)).length;
  return { reports, passed: count("passed"), failed: count("failed", "error"), skipped: count("skipped") };
}

interface Check {
  key: string;
  kind: "lint" | "test" | "verify";
  passed: boolean;
  report: unknown;
  summary: string;
  task: number | null;
}

/** Stores a check's result once, with its event. */
export async function storeCheck(
  db: Db,
  job: Job,
  { key, kind, passed, report, summary, task }: Check,
): Promise<void> {
  const clean = redactAll(report) as Prisma.InputJsonValue;
  await db.$transaction(async (tx) => {
    const made = await tx.checkRun.createMany({
      data: [{ jobId: job.id, run: job.run, key, kind, passed, report: clean }],
      skipDuplicates: true,
    });
    if (made.count === 0) return;
    if (kind === "test") {
      const { passed: good, failed, skipped } = report as StoredTests;
      await tx.job.update({
        where: { id: job.id },
        data: { testResults: { passed: good, failed, skipped, total: good + failed + skipped } },
      });
    }
    await appendEvents(tx, job.id, [
      { type: "check.finished", data: { kind, task, passed, summary: summary.slice(0, 500) } },
    ]);
  });
}

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
