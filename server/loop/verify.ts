// Step "verify": nobody is believed. In a fresh sandbox the tests of the committed tree are collected and run once
// more together with canaries that must fail, and with the tests that were held back laid over it; what is reported must
// be exactly what was collected.
import { writeCommand } from "../agents/tools";
import type { Db } from "../db";
import { parseTasks } from "../domain/checklist";
import { workKind } from "../domain/job-kind";
import { specFile } from "../domain/spec-file";
import { PROGRESS } from "../domain/steps";
import type { Job } from "../generated/prisma/client";
import { commandId } from "../services/commands/enqueue-command";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { moveAlone, moveJob } from "../services/jobs/move-job";
import { setStep, stepChange } from "../services/jobs/set-step";
import { jobRepository } from "../services/workspace/job-repository";
import { type WorkspaceFiles, workspaceFiles, workspaceText } from "../services/workspace/workspace-files";
import { pathMatcher } from "../toolchains/path-patterns";
import type { Canary, RunOutput, TestReport, ToolCommand } from "../toolchains/port";
import { within } from "../toolchains/workspace-files";
import { diffStat } from "../workspaces/diff";
import type { HeldFile } from "../workspaces/held-back";
import { knownFaults } from "./baseline";
import { endCandidate } from "./candidates";
import {
  type Checks,
  checksOf,
  inFolder,
  type KnownFaults,
  type Linter,
  lostTests,
  readLint,
  type Suite,
} from "./checks";
import { type Collected, compareTests, type Finding } from "./compare-tests";
import { keepDependencies } from "./dependencies";
import { heldFindings, heldResults, idsWithoutHeld, withoutHeld } from "./held-back-tests";
import { heldBackFor } from "./hold-back";
import { type Overlay, overlayOf } from "./lay-over";
import { changedChecks } from "./own-checks";
import {
  execSpec,
  outputOf,
  requireFilled,
  resetOf,
  runTogether,
  toolCommands,
  type Wanted,
} from "./run-programs";
import { storeCheck } from "./store-check";
import { provesChange, type Trial, trialOnBase } from "./trial-on-base";

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
  const [files, checks, known] = await Promise.all([
    workspaceFiles(job),
    checksOf(db, job),
    knownFaults(db, job),
  ]);
  await keepDependencies(db, job, checks.config, "verify/dependencies");
  const held = await heldBackFor(db, job);
  const plan = await planOf(job, files, checks, held);
  const seen = await runAll(db, job, plan);
  const linted = readLint(plan.linters, seen.linted, known);
  const [found] = await Promise.all([
    checkFiles(db, job, { files, checks }),
    storeCheck(db, job, { ...linted, key: "verify/lint", task: null }),
  ]);
  const unseen = await checkHeld(db, job, plan, seen);
  const findings = [...found, ...checkTests(plan, seen, known)];
  // What these come to decides among candidates, and not whether one of them is green.
  if (job.kind !== "candidate") findings.push(...unseen);
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
  if (job.kind === "candidate") return endCandidate(db, job, passed, summary);
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

/** A suite with the test that must fail in it; a shell line has none, and has to show itself on the base. */
interface TriedSuite extends Suite {
  canary: Canary | null;
  collect: ToolCommand | null;
  /** Its run with the canary between its tests. */
  run: ToolCommand;
}

/** Everything that a validation runs. */
interface Plan {
  suites: TriedSuite[];
  linters: Linter[];
  folder: string;
  /** The new tests on the base; null where nothing has to be shown there. */
  onBase: Trial | null;
  /** The tree with the held-back tests, and their files as the suites name them. */
  overlay: Overlay;
  held: ReadonlySet<string>;
}

async function planOf(
  job: Job,
  files: WorkspaceFiles,
  checks: Checks,
  held: readonly HeldFile[],
): Promise<Plan> {
  const overlay = overlayOf(files, held);
  const seen = checks.files(overlay.files);
  const found = checks.suites(overlay.files, "verify/test");
  const tried = found.map((suite): TriedSuite => {
    const { toolchain } = suite;
    if (!toolchain) return { ...suite, canary: null, collect: null, run: suite.command };
    const canary = toolchain.canary(seen.paths, seen.readText, canaryToken(job, toolchain.name));
    const collect = toolchain.collect(seen.paths, seen.readText);
    return { ...suite, canary, collect: collect && inFolder(collect, checks.folder), run: suite.command };
  });
  const canaries = tried.flatMap(({ canary }) => canary ?? []);
  const withCanaries = {
    paths: [...seen.paths, ...canaries.map(({ path }) => path)],
    readText: (path: string) =>
      canaries.find((canary) => canary.path === path)?.content ?? seen.readText(path),
  };
  const suites = tried.map((suite): TriedSuite => {
    const run = suite.toolchain?.test(withCanaries.paths, withCanaries.readText);
    return run ? { ...suite, run: inFolder(run, checks.folder) } : suite;
  });
  return {
    suites,
    linters: checks.linters(files, "verify/lint"),
    folder: checks.folder,
    onBase: await trialOnBase(job, files, checks),
    overlay,
    held: new Set(checks.files({ ...files, paths: held.map(({ path }) => path) }).paths),
  };
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

/** Nobody can guess it: it is derived from an id that the sandbox never sees. */
function canaryToken(job: Job, toolchain: string): string {
  return commandId(`${job.id}:${job.createdAt.toISOString()}:${job.fence}`, job.run, toolchain)
    .replace(/\W/g, "x")
    .toLowerCase();
}

/** What the programs of a validation came to; by suite, and by linter. */
interface Seen {
  collected: Collected[];
  tested: TestReport[];
  linted: RunOutput[];
  /** Null where it was not asked for, or could not be tried. */
  triedOnBase: TestReport[] | null;
}

/**
 * Runs everything in one go: a fresh sandbox, the list of tests, the tests with canaries between them, the linters on
 * the tree without, and the new tests on the base. The tests and their canaries must share one sandbox.
 */
async function runAll(db: Db, job: Job, plan: Plan): Promise<Seen> {
  const { suites, linters, overlay, onBase } = plan;
  const collectors = suites.map(({ name, collect }) => {
    const key = `verify/collect/${name}`;
    return collect ? [...overlay.lay(key), ...toolCommands(key, collect), ...overlay.clear(key)] : [];
  });
  const laid = overlay.lay("").length;
  const trial = trialOf(job, plan);
  const lint = linters.map(({ key, command }) => toolCommands(key, command));
  const groups = [
    [resetOf("verify/reset")],
    ...collectors,
    trial.commands,
    ...lint,
    ...(onBase ? [onBase.commands] : []),
  ];
  const results = await runTogether(db, job, groups);
  requireFilled(results[0] ?? []);
  const tried = results[1 + collectors.length] ?? [];
  const lintAt = 2 + collectors.length;
  return {
    collected: suites.map(({ toolchain }, i) => {
      const given = results[1 + i] ?? [];
      return toolchain && given.length > 0
        ? toolchain.parseCollected(outputOf(given.slice(laid, given.length - laid)))
        : { ids: [], unreadable: "the tests cannot be collected" };
    }),
    tested: suites.map(({ parse }, i) => {
      const [from, to] = trial.tests[i] as [number, number];
      return parse(outputOf(tried.slice(from, to)));
    }),
    linted: results.slice(lintAt, lintAt + lint.length).map(outputOf),
    triedOnBase: onBase ? onBase.read(results[lintAt + lint.length] ?? []) : null,
  };
}

/** The tests with a canary each, as one group of commands; `tests` says where in it each suite's are. */
function trialOf(job: Job, { suites, folder, overlay }: Plan) {
  const at = (path: string) => within(folder === "" ? "." : folder, path);
  const held = `verify/${job.fence}/held-back`;
  const commands: Wanted[] = overlay.lay(held);
  for (const { name, canary } of suites) {
    if (!canary) continue;
    const spec = writeCommand(at(canary.path), canary.content);
    commands.push({ key: `verify/canary/${job.fence}/${name}`, spec });
  }
  const tests = suites.map(({ name, run }): [number, number] => {
    const from = commands.length;
    commands.push(...toolCommands(`verify/${job.fence}/test/${name}`, run));
    return [from, commands.length];
  });
  for (const { name, canary } of suites) {
    if (!canary) continue;
    commands.push({
      key: `verify/uncanary/${job.fence}/${name}`,
      spec: execSpec(["rm", "-f", "--", at(canary.path)]),
    });
  }
  commands.push(...overlay.clear(held));
  return { commands, tests };
}
