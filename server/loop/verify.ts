// Step "verify": nobody is believed. In a fresh sandbox the tests of the committed tree are collected and run once
// more together with canaries that must fail; what is reported must be exactly what was collected.
import { writeCommand } from "../agents/tools";
import type { Db } from "../db";
import { PROGRESS } from "../domain/steps";
import type { Job } from "../generated/prisma/client";
import { commandId } from "../services/commands/enqueue-command";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { moveJob } from "../services/jobs/move-job";
import { setStep } from "../services/jobs/set-step";
import type { Canary, TestReport, ToolchainAdapter } from "../toolchains/port";
import { compareTestIds } from "../toolchains/test-ids";
import { lintWorkspace, storeCheck, toolchainsIn } from "./check-task";
import { execSpec, runCommands, runTools } from "./run-programs";
import { parseTasks } from "./spec";
import { type WorkspaceFiles, workspaceFiles, workspaceText } from "./workspace-files";

export interface Finding {
  criterion: string;
  expected: string;
  observed: string;
}

/** Moves a green job to validating. */
export async function beginValidation(db: Db, ref: RunRef): Promise<{ moved: true }> {
  const job = await activeJob(db, ref);
  if (job.state === "running") {
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "loop_green", actor: "factory" }));
  }
  return { moved: true };
}

/** Computes whether the job is what it claims to be, and moves it to approved or rejected. */
export async function verify(db: Db, ref: RunRef): Promise<{ passed: boolean }> {
  const job = await activeJob(db, ref);
  if (job.state !== "validating") return { passed: job.state === "approved" };
  await setStep(db, job, { step: "verify", progress: PROGRESS.tasksDone });
  const files = await workspaceFiles(job);
  await runCommands(db, job, [{ key: "verify/reset", spec: { kind: "reset", timeout_ms: 120_000 } }]);
  const findings = [...(await checkFiles(db, job, files)), ...(await checkTests(db, job, files))];
  if (!(await lintWorkspace(db, job, files, "verify/lint", null))) {
    findings.push({ criterion: "lint", expected: "no problems", observed: "problems in a fresh sandbox" });
  }
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
  await setStep(db, job, { step: "verify", progress: PROGRESS.validated });
  return { passed };
}

/** A rejection leads to a person: correction jobs come with a later version of the pipeline. */
async function decide(db: Db, job: Job, passed: boolean, summary: string): Promise<void> {
  await db.$transaction(async (tx) => {
    if (passed) {
      await moveJob(tx, { job: job.id, move: "passed", actor: "factory" });
      return;
    }
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

async function checkTests(db: Db, job: Job, files: WorkspaceFiles): Promise<Finding[]> {
  const suites = toolchainsIn(files).flatMap((toolchain): Suite[] => {
    if (!toolchain.test(files.paths, files.readText)) return [];
    return [
      { toolchain, canary: toolchain.canary(files.paths, files.readText, canaryToken(job, toolchain.name)) },
    ];
  });
  if (suites.length === 0) return [{ criterion: "tests", expected: "at least one test", observed: "none" }];
  const collected = await collect(db, job, files, suites);
  const reports = await runWithCanaries(db, job, files, suites);
  return suites.flatMap(({ toolchain, canary }, i) =>
    compare(toolchain.name, collected[i] as Collected, reports[i] as TestReport, canary.id),
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

async function collect(db: Db, job: Job, files: WorkspaceFiles, suites: Suite[]): Promise<Collected[]> {
  const tools = suites.flatMap(({ toolchain }) => {
    const command = toolchain.collect(files.paths, files.readText);
    return command ? [{ toolchain, key: `verify/collect/${toolchain.name}`, command }] : [];
  });
  const outputs = await runTools(db, job, tools);
  return suites.map(({ toolchain }) => {
    const at = tools.findIndex((tool) => tool.toolchain === toolchain);
    const output = outputs[at];
    return output
      ? toolchain.parseCollected(output)
      : { ids: [], unreadable: "the tests cannot be collected" };
  });
}

async function runWithCanaries(
  db: Db,
  job: Job,
  files: WorkspaceFiles,
  suites: Suite[],
): Promise<TestReport[]> {
  const withCanaries = [...files.paths, ...suites.map(({ canary }) => canary.path)];
  const readText = (path: string) =>
    suites.find(({ canary }) => canary.path === path)?.canary.content ?? files.readText(path);
  await runCommands(
    db,
    job,
    suites.map(({ toolchain, canary }) => ({
      key: `verify/canary/${job.fence}/${toolchain.name}`,
      spec: writeCommand(canary.path, canary.content),
    })),
    { pinned: true },
  );
  const tools = suites.flatMap(({ toolchain }) => {
    const command = toolchain.test(withCanaries, readText);
    return command ? [{ toolchain, key: `verify/${job.fence}/test/${toolchain.name}`, command }] : [];
  });
  const outputs = await runTools(db, job, tools, { pinned: true });
  await runCommands(
    db,
    job,
    suites.map(({ toolchain, canary }) => ({
      key: `verify/uncanary/${job.fence}/${toolchain.name}`,
      spec: execSpec(["rm", "-f", "--", canary.path]),
    })),
    { pinned: true },
  );
  return outputs.map((output, i) => (tools[i] as (typeof tools)[0]).toolchain.parseTests(output));
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
