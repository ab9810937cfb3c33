// Lint and tests of the base of a change, before anything is done to it: what failed there is known, shown, and not
// blamed on the change. Keyed by the base's commit: a base that moved is looked at again.
import type { Db } from "../db";
import { workKind } from "../domain/job-kind";
import { PROGRESS } from "../domain/steps";
import type { Job } from "../generated/prisma/client";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { setStep } from "../services/jobs/set-step";
import { workspaceFiles } from "../services/workspace/workspace-files";
import { SHELL_TEST_ID } from "../toolchains/shell-checks";
import {
  checksOf,
  fileOfTest,
  isRed,
  type KnownFaults,
  NO_FAULTS,
  problemKind,
  readLint,
  readTests,
  type StoredLint,
  type StoredTests,
} from "./checks";
import { outputOf, refillSandbox, requireFilled, resetOf, runTogether, toolCommands } from "./run-programs";
import { storeCheck } from "./store-check";
import { takeAway } from "./take-away";

/** Where what is known of a job's base lies: a candidate is judged by what its parent has seen. */
const baselineOf = ({ kind, id, run, parentId, parentRun }: Job) =>
  kind === "candidate" && parentId !== null && parentRun !== null
    ? { jobId: parentId, run: parentRun }
    : { jobId: id, run };

const baselineKey = (job: Job) => `baseline/${job.baseCommit?.slice(0, 12)}`;

/**
 * Lints and tests the base of a change job. Its sandbox has the job's head afterwards.
 * @returns how many tests fail and how many problems there are already
 */
export async function takeBaseline(db: Db, ref: RunRef): Promise<{ tests: number; problems: number }> {
  const job = await activeJob(db, ref);
  await setStep(db, job, { step: "setup", progress: PROGRESS.setup });
  const key = baselineKey(job);
  const [checks, files] = await Promise.all([
    checksOf(db, job),
    workspaceFiles({ publicId: job.publicId, headCommit: job.baseRoot }),
  ]);
  const linters = checks.linters(files, `${key}/lint`);
  const suites = checks.suites(files, `${key}/test`);
  const tools = [...linters, ...suites].map((tool) => toolCommands(tool.key, tool.command));
  const away = await takeAway(job, { key });
  const before = away ? [resetOf(`${key}/reset`), away] : [];
  const [results = []] = await runTogether(db, job, [[...before, ...tools.flat()]]);
  // With the change still in it, the faults of the change would be known ones from here on.
  requireFilled(results.slice(0, before.length));
  // Whatever the base's own programs leave behind is no part of the change. By itself: a group has one sandbox.
  await refillSandbox(db, job, `${key}/back`);
  let at = before.length;
  const outputs = tools.map((commands) => {
    const own = results.slice(at, at + commands.length);
    at += commands.length;
    return outputOf(own);
  });
  const linted = readLint(linters, outputs.slice(0, linters.length));
  const tested = readTests(suites, outputs.slice(linters.length));
  const said = (summary: string) => `before the change: ${summary}`;
  await storeCheck(db, job, { ...linted, key: `${key}/lint`, task: null, summary: said(linted.summary) });
  await storeCheck(db, job, { ...tested, key: `${key}/test`, task: null, summary: said(tested.summary) });
  return {
    tests: tested.report.failed,
    problems: linted.report.reports.flatMap(({ problems }) => problems).length,
  };
}

/** What is known of a job's base; nothing for a new project. */
export async function knownFaults(db: Db, job: Job): Promise<KnownFaults> {
  if (workKind(job) !== "change") return NO_FAULTS;
  const key = baselineKey(job);
  const stored = await db.checkRun.findMany({
    where: { ...baselineOf(job), key: { in: [`${key}/lint`, `${key}/test`] } },
  });
  const reportOf = (kind: string) => stored.find((check) => check.kind === kind)?.report as unknown;
  const lint = new Map<string, number>();
  const linted = (reportOf("lint") as StoredLint | undefined)?.reports ?? [];
  for (const report of linted)
    for (const problem of report.problems) {
      const kind = problemKind(report.tool, problem);
      lint.set(kind, (lint.get(kind) ?? 0) + 1);
    }
  const tested = ((reportOf("test") as StoredTests | undefined)?.reports ?? []).flatMap(({ tests }) => tests);
  const red = tested.filter(isRed);
  const alive = new Set(tested.filter((test) => !isRed(test)).map(({ id }) => fileOfTest(id)));
  return {
    lint,
    unreadable: new Set(linted.filter(({ unreadable }) => unreadable !== null).map(({ tool }) => tool)),
    // A shell line is one test for all: were it known, nothing would be left that a change could pass.
    tests: new Set(red.map(({ id }) => id).filter((id) => id !== SHELL_TEST_ID)),
    passed: new Set(
      tested
        .filter(({ id, outcome }) => outcome === "passed" && !isDeclared(job, fileOfTest(id)))
        .map(({ id }) => id),
    ),
    reported: new Set(tested.map(({ id }) => id)),
    deadFiles: new Set(red.map(({ id }) => fileOfTest(id)).filter((file) => !alive.has(file))),
  };
}

/** Whoever files a job may name files in which it may do as it likes. Tests are named from the project's folder. */
const isDeclared = ({ declaredFiles }: Job, file: string) =>
  declaredFiles.some((path) =>
    path.endsWith("/") ? `/${file}`.includes(`/${path}`) : `/${path}`.endsWith(`/${file}`),
  );
