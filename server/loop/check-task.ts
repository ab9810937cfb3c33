// Steps "lint" and "test": the tools' own reports decide. Both run in one go, because the fixer gets both.
import type { Db } from "../db";
import { workKind } from "../domain/job-kind";
import { GiveUp } from "../domain/step-outcome";
import { taskProgress } from "../domain/steps";
import type { Job } from "../generated/prisma/client";
import { activeJob } from "../services/jobs/active-job";
import { setStep, stepChange } from "../services/jobs/set-step";
import { workspaceFiles } from "../services/workspace/workspace-files";
import { knownFaults } from "./baseline";
import { checksOf, isRed, readLint, readTests, type StoredLint, type StoredTests } from "./checks";
import { keepDependencies } from "./dependencies";
import { checkMerge, mergeKey } from "./merge-check";
import { queueCommands, requireFilled, resetOf, runCommands, runTools, toolCommands } from "./run-programs";
import { storeCheck } from "./store-check";
import type { TaskRef } from "./task-ref";

/**
 * Lints and tests the workspace as it is after fix round `round` (0: before any).
 * @returns whether everything is green
 */
export async function checkTask(db: Db, ref: TaskRef, round: number): Promise<{ green: boolean }> {
  const job = await activeJob(db, ref);
  const iteration = await iterationOf(db, job, ref, round);
  const green = await lintAndTest(db, job, ref, { base: `task-${ref.n}/${round}`, iteration });
  const merged = ref.n > ref.of ? await checkMerge(db, job, ref.n, round) : true;
  return { green: green && merged };
}

/**
 * Lints and tests the workspace as it is, and stores what came of it under keys that begin with `base`. What is stored
 * counts: the same keys again are not looked at in a workspace, or beside a base, that has gone on since.
 * @throws NotYet while a program runs
 */
export async function lintAndTest(
  db: Db,
  job: Job,
  { n, of }: Pick<TaskRef, "n" | "of">,
  { base, iteration = null }: { base: string; iteration?: number | null },
): Promise<boolean> {
  const said = await db.checkRun.findMany({
    where: { jobId: job.id, run: job.run, key: { in: [`${base}/lint`, `${base}/test`] } },
    select: { passed: true },
  });
  if (said.length === 2) return said.every(({ passed }) => passed);
  const [files, checks, known] = await Promise.all([
    workspaceFiles(job),
    checksOf(db, job),
    knownFaults(db, job),
  ]);
  await setStep(db, job, { step: "lint", progress: taskProgress(n, of, "lint"), task: n, iteration });
  await keepDependencies(db, job, checks.config, `${base}/dependencies`);
  const linters = checks.linters(files, `${base}/lint`);
  const suites = checks.suites(files, `${base}/test`);
  // What the repository's own programs leave behind is no part of the change, and would be committed with it.
  const after = workKind(job) === "change" ? [resetOf(`${base}/reset`)] : [];
  await queueCommands(db, job, [
    ...[...linters, ...suites].flatMap(({ key, command }) => toolCommands(key, command)),
    ...after,
  ]);
  const linted = readLint(linters, await runTools(db, job, linters, { queued: true }), known);
  const step = stepChange(job, { step: "test", progress: taskProgress(n, of, "test"), task: n });
  await storeCheck(db, job, { ...linted, key: `${base}/lint`, task: n }, step);
  requireFilled(await runCommands(db, job, after, { queued: true }));
  const tested = readTests(suites, await runTools(db, job, suites, { queued: true }), known);
  await storeCheck(db, job, { ...tested, key: `${base}/test`, task: n });
  return linted.passed && tested.passed;
}

/** Iterations count the rounds of generating or fixing over all tasks. */
async function iterationOf(db: Db, job: Job, ref: TaskRef, round: number): Promise<number> {
  const earlier = await db.task.aggregate({
    where: { jobId: job.id, run: job.run, n: { lt: ref.n } },
    _sum: { fixes: true },
  });
  return ref.n + (earlier._sum.fixes ?? 0) + round;
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
      key: { in: [`task-${n}/${round}/lint`, `task-${n}/${round}/test`, mergeKey(n, round)] },
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
      const { reports, passed, failed, known = [], lost = [] } = check.report as unknown as StoredTests;
      for (const report of reports) {
        if (report.unreadable) parts.push(`${report.tool}: ${report.unreadable}`);
        for (const test of report.tests.filter((one) => isRed(one) && !known.includes(one.id))) {
          parts.push(`${report.tool}: ${test.id} ${test.outcome}\n${test.message}`);
          names.push(test.id);
        }
      }
      for (const id of lost) parts.push(`${id} passed before the change and is not run any more.`);
      names.push(...lost);
      if (passed + failed > 0) continue;
      parts.push(
        known.length === 0
          ? "No test ran. Every task needs tests that pass."
          : `Nothing passed, and what fails failed before as well: ${known.slice(0, 20).join(", ")}`,
      );
      const messages = reports.flatMap(({ tests }) => tests.filter(isRed).map(({ message }) => message));
      if (known.length > 0) parts.push(...messages.slice(0, 5));
    }
  }
  return {
    text: parts.join("\n\n").slice(0, 60_000),
    failing: names[0] ?? parts[0]?.slice(0, 200) ?? "check",
  };
}
