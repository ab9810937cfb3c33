// Step "verify": nobody is believed. In a fresh sandbox the tests of the committed tree are collected and run once
// more together with canaries that must fail, and with the tests that were held back laid over it; what is reported must
// be exactly what was collected.
import type { Db } from "../db";
import { parseTasks } from "../domain/checklist";
import { workKind } from "../domain/job-kind";
import { specFile } from "../domain/spec-file";
import { PROGRESS } from "../domain/steps";
import type { Job } from "../generated/prisma/client";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { moveAlone, moveJob } from "../services/jobs/move-job";
import { setStep, stepChange } from "../services/jobs/set-step";
import { jobRepository } from "../services/workspace/job-repository";
import { type WorkspaceFiles, workspaceFiles, workspaceText } from "../services/workspace/workspace-files";
import { pathMatcher } from "../toolchains/path-patterns";
import type { TestReport } from "../toolchains/port";
import { diffStat } from "../workspaces/diff";
import type { HeldFile } from "../workspaces/held-back";
import { knownFaults } from "./baseline";
import { endCandidate } from "./candidates";
import { bundleFaults } from "./check-deploy-bundle";
import { type Checks, checksOf, type KnownFaults, lostTests, readLint } from "./checks";
import { type Collected, compareTests, type Finding } from "./compare-tests";
import { keepDependencies } from "./dependencies";
import { heldFindings, heldResults, idsWithoutHeld, withoutHeld } from "./held-back-tests";
import { heldBackFor, missingHeldBack } from "./hold-back";
import { changedChecks } from "./own-checks";
import { storeCheck } from "./store-check";
import { provesChange } from "./trial-on-base";
import { type Plan, planOf, runAll, type Seen } from "./verify-programs";

/** Moves a green job to validating. */
export async function beginValidation(db: Db, ref: RunRef): Promise<{ moved: true }> {
  const job = await activeJob(db, ref);
  if (job.state === "running") {
    const { events } = stepChange(job, { step: "verify", progress: PROGRESS.tasksDone });
    const set = { currentStep: job.currentStep, progress: job.progress };
    await moveAlone(db, { job: job.id, run: job.run, move: "loop_green", actor: "factory", set, events });
  }
  return { moved: true };
}

/** Computes whether the job is what it claims to be, and moves it to approved or rejected. */
export async function verify(db: Db, ref: RunRef): Promise<{ passed: boolean }> {
  const job = await activeJob(db, ref);
  if (job.state !== "validating") return { passed: job.state === "approved" };
  const said = await db.checkRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key: "verify" } },
  });
  // A verdict is found once: what the same programs say in another sandbox does not count beside it.
  if (said) return decide(db, job, (said.report as unknown as { findings: Finding[] }).findings);
  await setStep(db, job, { step: "verify", progress: PROGRESS.tasksDone });
  const [files, checks, known] = await Promise.all([
    workspaceFiles(job),
    checksOf(db, job),
    knownFaults(db, job),
  ]);
  await keepDependencies(db, job, checks.config, "verify/dependencies");
  const held = await heldBackFor(db, job);
  // Laid over a test of the work, a held-back one would take it away: then each is run without the other.
  const apart = await areInTheWay(job, files, held);
  const plan = await planOf(job, files, checks, apart ? [] : held);
  const seen = await runAll(db, job, plan);
  const unseen = apart
    ? await runApart(db, job, await planOf(job, files, checks, held, "verify/apart"))
    : await checkHeld(db, job, plan, seen);
  const linted = readLint(plan.linters, seen.linted, known);
  const [found] = await Promise.all([
    checkFiles(db, job, { files, checks }),
    storeCheck(db, job, { ...linted, key: "verify/lint", task: null }),
  ]);
  const findings = [...found, ...checkTests(plan, seen, known)];
  // What these come to decides among candidates, and not whether one of them is green.
  if (job.kind !== "candidate") findings.push(...unseen);
  if (!linted.passed)
    findings.push({ criterion: "lint", expected: "no problems", observed: "problems in a fresh sandbox" });
  findings.push(...lostHeld(await missingHeldBack(db, job, held)));
  findings.push(...(await bundleFaults(db, job)));
  await storeCheck(db, job, {
    key: "verify",
    kind: "verify",
    passed: findings.length === 0,
    report: { findings },
    summary: describe(findings),
    task: null,
  });
  return decide(db, job, findings);
}

/** A rejection leads to a person: correction jobs come with a later version of the pipeline. */
async function decide(db: Db, job: Job, findings: Finding[]): Promise<{ passed: boolean }> {
  const passed = findings.length === 0;
  const summary = describe(findings);
  if (job.kind === "candidate") {
    await endCandidate(db, job, passed, summary);
    return { passed };
  }
  if (passed) {
    const { events } = stepChange(job, { step: "verify", progress: PROGRESS.validated });
    const set = { progress: job.progress };
    await moveAlone(db, { job: job.id, run: job.run, move: "passed", actor: "factory", set, events });
    return { passed };
  }
  await db.$transaction(async (tx) => {
    const set = { errorCode: "rejected", errorMessage: summary };
    await moveJob(tx, {
      job: job.id,
      run: job.run,
      move: "rejected",
      actor: "factory",
      reason: summary,
      set,
    });
    await moveJob(tx, {
      job: job.id,
      move: "exhausted",
      actor: "factory",
      reason: "no correction is left to try",
    });
  });
  return { passed };
}

function describe(findings: Finding[]): string {
  if (findings.length === 0) return "all tests of record ran and passed; the canaries failed";
  return findings
    .map((f) => `${f.criterion}: expected ${f.expected}, found ${f.observed}`)
    .join("; ")
    .slice(0, 1500);
}

async function checkFiles(
  db: Db,
  job: Job,
  { files, checks }: { files: WorkspaceFiles; checks: Checks },
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const isProtected = pathMatcher(checks.config?.protected ?? []);
  for (const { path } of await changedFiles(job))
    if (isProtected(path))
      findings.push({ criterion: "protected files", expected: `${path} as it was`, observed: "changed" });
  for (const what of await changedChecks(job, checks))
    findings.push({ criterion: "how it is checked", expected: `${what} as it was`, observed: "changed" });
  const open = await db.task.count({ where: { jobId: job.id, run: job.run, done: false } });
  if (open > 0) findings.push({ criterion: "tasks", expected: "all ticked off", observed: `${open} open` });
  const spec = await workspaceText(job, specFile(workKind(job)));
  if (!spec || parseTasks(spec).some((task) => !task.done)) {
    findings.push({
      criterion: "SPEC.md",
      expected: "present, every task ticked",
      observed: spec ? "open tasks" : "missing",
    });
  }
  // What a change declares it may also take away.
  const declared = workKind(job) === "change" ? [] : job.declaredFiles;
  const wanted = [...declared, ...job.requiredTests].filter(
    (path) => !files.paths.includes(path) && !path.includes("::"),
  );
  for (const path of wanted) findings.push({ criterion: "files", expected: path, observed: "missing" });
  return findings;
}

/** What a change has changed; nothing for a new project. */
async function changedFiles({ publicId, baseRoot, headCommit }: Job) {
  return baseRoot && headCommit ? diffStat(jobRepository(publicId), baseRoot, headCommit) : [];
}

/** The tests of the tree by themselves: what is held back proves nothing about them. */
function checkTests(
  { suites, onBase, held }: Plan,
  { collected, tested: all, triedOnBase }: Seen,
  known: KnownFaults,
): Finding[] {
  if (suites.length === 0) return [{ criterion: "tests", expected: "at least one test", observed: "none" }];
  const tested = all.map((report) => withoutHeld(report, held));
  const findings = suites.flatMap(({ name, canary }, i) =>
    compareTests(
      { name, canary, known },
      idsWithoutHeld(collected[i] as Collected, held),
      tested[i] as TestReport,
    ),
  );
  const lost = lostTests(known.passed, tested);
  if (lost.length > 0)
    findings.push({
      criterion: "tests of the base",
      expected: "all that passed to be run, unless the job names their files",
      observed: `${lost.length} gone or skipped, such as ${lost[0]}`,
    });
  if (onBase && findings.length === 0 && !(triedOnBase && provesChange(tested, triedOnBase, onBase.gone)))
    findings.push({
      criterion: "tests prove the change",
      expected: "at least one test that fails without the change",
      observed: triedOnBase
        ? "all tests pass on the base as well"
        : "the change could not be taken out to try them",
    });
  return findings;
}

const lostHeld = (paths: readonly string[]): Finding[] =>
  paths.slice(0, 5).map((path) => ({
    criterion: "held-back tests",
    expected: `${path} to be where held-back tests are kept`,
    observed: "it is lost",
  }));

/** Whether the work has another file where one of these would lie. */
async function areInTheWay(job: Job, files: WorkspaceFiles, held: readonly HeldFile[]): Promise<boolean> {
  const both = held.filter(({ path }) => files.paths.includes(path));
  const texts = await Promise.all(both.map(({ path }) => workspaceText(job, path)));
  return both.some(({ text }, i) => text !== texts[i]);
}

/** The held-back tests in a sandbox of their own; nothing else is looked at there. */
async function runApart(db: Db, job: Job, whole: Plan): Promise<Finding[]> {
  const plan = { ...whole, linters: [], onBase: null };
  return checkHeld(db, job, plan, await runAll(db, job, plan));
}

/** The held-back tests, stored with their names whatever came of them; nothing when there are none. */
async function checkHeld(
  db: Db,
  job: Job,
  { suites, held }: Plan,
  { collected, tested }: Seen,
): Promise<Finding[]> {
  if (held.size === 0) return [];
  const report = heldResults(
    suites.map(({ name, toolchain }, i) => ({
      name,
      lists: toolchain !== null,
      collected: collected[i] as Collected,
      report: tested[i] as TestReport,
    })),
    held,
  );
  const findings = heldFindings(report);
  const passed = findings.length === 0;
  const summary = `held back: ${report.passed} passed, ${report.failed} failed`;
  await storeCheck(db, job, {
    key: "verify/held-back",
    kind: "held_back",
    passed,
    report,
    summary,
    task: null,
  });
  return findings;
}
