// Step "setup": the workspace, the engine run that owns this run of the job, and whether the sandbox has what the
// job's toolchains need.
import type { Db } from "../db";
import { workKind } from "../domain/job-kind";
import { toolchainsOf } from "../domain/stacks";
import { Ended, GiveUp } from "../domain/step-outcome";
import { PROGRESS } from "../domain/steps";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { setStep } from "../services/jobs/set-step";
import { jobRepository } from "../services/workspace/job-repository";
import { TOOLCHAINS } from "../toolchains/registry";
import { createRepository } from "../workspaces/repository";
import { beginChange } from "./begin-change";
import { beginCandidate } from "./candidates-begin";
import { setUpExternal } from "./external";
import { holdBackLeft } from "./hold-back";
import { restoreLeft } from "./restore-tests";
import { runTools } from "./run-programs";

/**
 * Takes this run of the job for one engine run, by compare-and-set (invariant 2).
 * @param after an engine run that is lost and may be followed; should it still live, its next step finds that it is over
 * @throws Ended when another engine run has it
 */
export async function takeRun(
  db: Db,
  ref: RunRef,
  engineRunId: string,
  after?: string,
): Promise<{ taken: true }> {
  const holders = [engineRunId, ...(after === undefined ? [] : [after])];
  const count = await db.$executeRaw`
    UPDATE job SET engine_run_id = ${engineRunId}
    WHERE public_id = ${ref.job} AND run = ${ref.run}::int
      AND (engine_run_id IS NULL OR engine_run_id = ANY(${holders}::text[]))`;
  if (count === 0) throw new Ended();
  await activeJob(db, ref);
  return { taken: true };
}

/**
 * This engine run has come to an end before the run of the job has: another one may take it, and is started as for a job
 * that no engine run has taken.
 */
export async function leaveRun(db: Db, { job, run, engine }: RunRef & { engine: string }): Promise<void> {
  await db.$executeRaw`
    UPDATE job SET engine_run_id = NULL
    WHERE public_id = ${job} AND run = ${run}::int AND engine_run_id = ${engine}`;
}

/** What a run begins with. `external`: somebody else's agent does the work, once the factory has prepared it. */
export interface Ready {
  toolchains: number;
  change: boolean;
  external?: boolean;
  prepares?: boolean;
  /** Whether a deploy bundle is to be written. */
  deploys?: boolean;
  /** How often it is to be worked out side by side; null for one of those. */
  candidates: number | null;
}

/** Makes the workspace and asks the sandbox for its programs. */
export async function setUp(db: Db, ref: RunRef): Promise<Ready> {
  let job = await activeJob(db, ref);
  if (job.agent === "external" && !job.prepares) {
    await setUpExternal(db, ref);
    return { toolchains: 0, change: job.kind === "change", external: true, candidates: 1 };
  }
  await setStep(db, job, { step: "setup", progress: 0 });
  if (job.kind === "candidate") job = await beginCandidate(db, job);
  else if (job.kind === "change") job = await beginChange(db, job);
  else await createRepository(jobRepository(job.publicId));
  if (job.run > 1) {
    await holdBackLeft(db, job);
    await restoreLeft(db, job);
  }
  const toolchains = toolchainsOf(job.techStack);
  const answers = await runTools(
    db,
    job,
    toolchains.map((name) => ({ key: `setup/${name}`, command: TOOLCHAINS[name].probe() })),
  );
  answers.forEach((answer, i) => {
    if (answer.exitCode === 0) return;
    const said = (answer.stderr || answer.stdout).trim().split("\n").slice(-3).join(" ");
    throw new GiveUp(
      "toolchain_missing",
      `The sandbox cannot serve ${toolchains[i]}: ${said || "its programs are missing"}.`,
    );
  });
  await setStep(db, job, { step: "setup", progress: PROGRESS.setup });
  return {
    toolchains: toolchains.length,
    change: workKind(job) === "change",
    candidates: job.kind === "candidate" ? null : job.candidates,
    ...(job.deployTargets.length > 0 && { deploys: true }),
    ...(job.prepares && { external: true, prepares: true }),
  };
}
