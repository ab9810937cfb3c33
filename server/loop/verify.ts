// Step "verify": nobody is believed. In a fresh sandbox the tests of the committed tree are collected and run once
// more together with canaries that must fail; what is reported must be exactly what was collected.
import { writeCommand } from "../agents/tools";
import type { Db } from "../db";
import { PROGRESS } from "../domain/steps";
import type { Job } from "../generated/prisma/client";
import { commandId } from "../services/commands/enqueue-command";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { moveAlone, moveJob } from "../services/jobs/move-job";
import { setStep, stepChange } from "../services/jobs/set-step";
import { type WorkspaceFiles, workspaceFiles, workspaceText } from "../services/workspace/workspace-files";
import type { Canary, RunOutput, TestReport, ToolchainAdapter } from "../toolchains/port";
import { compareTestIds } from "../toolchains/test-ids";
import { lintersOf, readLint, storeCheck, toolchainsIn } from "./check-task";
import { execSpec, outputOf, runTogether, type Tool, toolCommands, type Wanted } from "./run-programs";
import { parseTasks } from "./spec";

export interface Finding {
  criterion: string;
  expected: string;
  observed: string;
}

/** Moves a green job to validating. */
export async function beginValidation(db: Db, ref: RunRef): Promise<{ moved: true }> {
  const job = await activeJob(db, ref);
  if (job.state === "running") {
    const { events } = stepChange(job, { step: "verify", progress: PROGRESS.tasksDone });
    const set = { currentStep: job.currentStep, progress: job.progress };
    await moveAlone(db, { job: job.id, move: "loop_green", actor: "factory", set, events });
  }
  return { moved: true };
}

/** Computes whether the job is what it claims to be, and moves it to approved or rejected. */
export async function verify(db: Db, ref: RunRef): Promise<{ passed: boolean }> {
  const job = await activeJob(db, ref);
  if (job.state !== "validating") return { passed: job.state === "approved" };
  await setStep(db, job, { step: "verify", progress: PROGRESS.tasksDone });
  const files = await workspaceFiles(job);
  const suites = suitesIn(job, files);
  const linters = lintersOf(files, "verify/lint");
  const seen = await runAll(db, job, files, suites, linters);
  const linted = readLint(linters, seen.linted);
  const [found] = await Promise.all([
    checkFiles(db, job, files),
    storeCheck(db, job, { ...linted, key: "verify/lint", task: null }),
  ]);
  const findings = [...found, ...checkTests(suites, seen)];
  if (!linted.passed)
    findings.push({ criterion: "lint", expected: "no problems", observed: "problems in a fresh sandbox" });
  const passed = findings.length === 0;
  const summary = passed ? "all tests of record ran and passed; the canaries failed" : describe(findings);
  await storeCheck(db, job, {
    key: "verify",
    kind: "verify",
    passed,
    report: { findings },
    summary,
    task: null,
  });
  await decide(db, job, passed, summary);
  return { passed };
}

/** A rejection leads to a person: correction jobs come with a later version of the pipeline. */
async function decide(db: Db, job: Job, passed: boolean, summary: string): Promise<void> {
  if (passed) {
    const { events } = stepChange(job, { step: "verify", progress: PROGRESS.validated });
    const set = { progress: job.progress };
    await moveAlone(db, { job: job.id, move: "passed", actor: "factory", set, events });
    return;
  }
  await db.$transaction(async (tx) => {
    const set = { errorCode: "rejected", errorMessage: summary };
    await moveJob(tx, { job: job.id, move: "rejected", actor: "factory", reason: summary, set });
    await moveJob(tx, {
      job: job.id,
      move: "exhausted",
      actor: "factory",
      reason: "no correction is left to try",
    });
  });
}

const describe = (findings: Finding[]) =>
  findings
    .map((f) => `${f.criterion}: expected ${f.expected}, found ${f.observed}`)
    .join("; ")
    .slice(0, 1500);

async function checkFiles(db: Db, job: Job, files: WorkspaceFiles): Promise<Finding[]> {
  const findings: Finding[] = [];
  const open = await db.task.count({ where: { jobId: job.id, run: job.run, done: false } });
  if (open > 0) findings.push({ criterion: "tasks", expected: "all ticked off", observed: `${open} open` });
  const spec = await workspaceText(job, "SPEC.md");
  if (!spec || parseTasks(spec).some((task) => !task.done)) {
    findings.push({
      criterion: "SPEC.md",
      expected: "present, every task ticked",
      observed: spec ? "open tasks" : "missing",
    });
  }
  const wanted = [...job.declaredFiles, ...job.requiredTests].filter(
    (path) => !files.paths.includes(path) && !path.includes("::"),
  );
  for (const path of wanted) findings.push({ criterion: "files", expected: path, observed: "missing" });
  return findings;
}

interface Suite {
  toolchain: ToolchainAdapter;
  canary: Canary;
}

function suitesIn(job: Job, files: WorkspaceFiles): Suite[] {
  return toolchainsIn(files).flatMap((toolchain): Suite[] => {
    if (!toolchain.test(files.paths, files.readText)) return [];
    const token = canaryToken(job, toolchain.name);
    return [{ toolchain, canary: toolchain.canary(files.paths, files.readText, token) }];
  });
}

function checkTests(suites: Suite[], { collected, tested }: Seen): Finding[] {
  if (suites.length === 0) return [{ criterion: "tests", expected: "at least one test", observed: "none" }];
  return suites.flatMap(({ toolchain, canary }, i) =>
    compare(toolchain.name, collected[i] as Collected, tested[i] as TestReport, canary.id),
  );
}

/** Nobody can guess it: it is derived from an id that the sandbox never sees. */
function canaryToken(job: Job, toolchain: string): string {
  return commandId(`${job.id}:${job.createdAt.toISOString()}:${job.fence}`, job.run, toolchain)
    .replace(/\W/g, "x")
    .toLowerCase();
}

interface Collected {
  ids: string[];
  unreadable: string | null;
}

/** What the programs of a validation came to; by suite, and by linter. */
interface Seen {
  collected: Collected[];
  tested: TestReport[];
  linted: RunOutput[];
}

/**
 * Runs everything in one go: a fresh sandbox, the list of tests, the tests with canaries between them, the linters on
 * the tree without. The tests and their canaries must share one sandbox.
 */
async function runAll(
  db: Db,
  job: Job,
  files: WorkspaceFiles,
  suites: Suite[],
  linters: readonly Tool[],
): Promise<Seen> {
  const reset = [{ key: "verify/reset", spec: { kind: "reset" as const, timeout_ms: 120_000 } }];
  const collectors = suites.map(({ toolchain }) => {
    const command = toolchain.collect(files.paths, files.readText);
    return command ? toolCommands(`verify/collect/${toolchain.name}`, command) : [];
  });
  const trial = trialOf(job, files, suites);
  const lint = linters.map(({ key, command }) => toolCommands(key, command));
  const results = await runTogether(db, job, [reset, ...collectors, trial.commands, ...lint]);
  const tried = results[1 + collectors.length] ?? [];
  return {
    collected: suites.map(({ toolchain }, i) => {
      const given = results[1 + i] ?? [];
      return given.length > 0
        ? toolchain.parseCollected(outputOf(given))
        : { ids: [], unreadable: "the tests cannot be collected" };
    }),
    tested: suites.map(({ toolchain }, i) => {
      const [from, to] = trial.tests[i] as [number, number];
      return toolchain.parseTests(outputOf(tried.slice(from, to)));
    }),
    linted: results.slice(2 + collectors.length).map(outputOf),
  };
}

/** The tests with a canary each, as one group of commands; `tests` says where in it each suite's are. */
function trialOf(job: Job, files: WorkspaceFiles, suites: Suite[]) {
  const withCanaries = [...files.paths, ...suites.map(({ canary }) => canary.path)];
  const readText = (path: string) =>
    suites.find(({ canary }) => canary.path === path)?.canary.content ?? files.readText(path);
  const commands: Wanted[] = suites.map(({ toolchain, canary }) => ({
    key: `verify/canary/${job.fence}/${toolchain.name}`,
    spec: writeCommand(canary.path, canary.content),
  }));
  const tests = suites.map(({ toolchain }): [number, number] => {
    const from = commands.length;
    const command = toolchain.test(withCanaries, readText);
    if (command) commands.push(...toolCommands(`verify/${job.fence}/test/${toolchain.name}`, command));
    return [from, commands.length];
  });
  for (const { toolchain, canary } of suites) {
    commands.push({
      key: `verify/uncanary/${job.fence}/${toolchain.name}`,
      spec: execSpec(["rm", "-f", "--", canary.path]),
    });
  }
  return { commands, tests };
}

/** Compares what was reported with what was collected. */
function compare(name: string, collected: Collected, report: TestReport, canaryId: string): Finding[] {
  const finding = (expected: string, observed: string): Finding => ({
    criterion: `tests (${name})`,
    expected,
    observed,
  });
  if (collected.unreadable) return [finding("a list of tests", collected.unreadable)];
  if (report.unreadable) return [finding("a readable report", report.unreadable)];
  const findings: Finding[] = [];
  const canary = report.tests.find((test) => test.id === canaryId);
  if (!canary || canary.outcome === "passed" || canary.outcome === "skipped") {
    findings.push(
      finding("the canary test to fail", canary ? `it ${canary.outcome}` : "it was not reported"),
    );
  }
  const real = report.tests.filter((test) => test.id !== canaryId);
  const bad = real.filter((test) => test.outcome !== "passed" && test.outcome !== "skipped");
  if (bad.length > 0)
    findings.push(finding("all tests to pass", `${bad.length} failed, such as ${bad[0]?.id}`));
  if (!real.some((test) => test.outcome === "passed")) findings.push(finding("a passed test", "none"));
  const { missing, unexpected } = compareTestIds(
    collected.ids,
    real.map((test) => test.id),
  );
  if (missing.length > 0)
    findings.push(finding(`${collected.ids.length} tests reported`, `missing: ${missing[0]}`));
  if (unexpected.length > 0) findings.push(finding("only collected tests reported", `also ${unexpected[0]}`));
  return findings;
}
