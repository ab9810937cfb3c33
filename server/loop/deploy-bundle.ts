// Step "bundle": when everything is green, the deployer writes what a person needs to bring the project to its targets.
// A computed check decides; red findings go to the next try, and after the last one a person is asked. Invariant: nothing of
// a bundle is run by the factory, and the deployer changes nothing outside of its folders.
import { firstMessage } from "../agents/first-message";
import { TARGET_RULES } from "../agents/roles/deployer";
import { startAgentRun } from "../agents/start-agent-run";
import type { Db } from "../db";
import { NOTES_FOLDER } from "../domain/agent-notes";
import { bundleFolder, TARGET_TEXT, targetsAmong } from "../domain/deploy-targets";
import { Stuck } from "../domain/step-outcome";
import { PROGRESS } from "../domain/steps";
import type { Job } from "../generated/prisma/client";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { stepChange } from "../services/jobs/set-step";
import { jobRepository } from "../services/workspace/job-repository";
import { diffStat } from "../workspaces/diff";
import { editTree } from "../workspaces/edit-tree";
import { log, readTree } from "../workspaces/read-files";
import { writeCommit } from "../workspaces/write-commit";
import { moveHead, spanOf } from "./agent-span";
import { stuckReasonOf } from "./agent-turn";
import { briefAgent } from "./brief-agent";
import { checkBundles, describeFindings, findingLines, storedBundleCheck } from "./check-deploy-bundle";
import { refillSandbox } from "./run-programs";

/** Agent runs that a bundle may cost. */
export const DEPLOYER_TRIES = 3;

const deployerKey = (attempt: number) => `deploy/deployer-${attempt}`;
const checkKey = (attempt: number) => `deploy/check-${attempt}`;

/** Begins the deployer's try `attempt` (from 1); from the second on with what the check has found. */
export async function beginDeployer(db: Db, ref: RunRef, attempt: number): Promise<{ agent: string }> {
  const job = await activeJob(db, ref);
  const [{ brief, ignored }, failure] = await Promise.all([briefAgent(db, job), failureOf(db, job, attempt)]);
  const targets = targetsAmong(job.deployTargets).map((target) => ({
    target,
    folder: bundleFolder(target),
    place: TARGET_TEXT[target].about,
    rules: TARGET_RULES[target],
  }));
  const told = firstMessage(job, {
    ...brief,
    ...(failure && { failure, attempt: { n: attempt, max: DEPLOYER_TRIES } }),
  });
  const first = `${told}\n<targets>${JSON.stringify(targets)}</targets>`;
  const step = stepChange(job, { step: "bundle", progress: PROGRESS.tasksDone });
  const key = deployerKey(attempt);
  await startAgentRun(db, { job, key, role: "deployer", first, task: null, attempt, ignored, step });
  return { agent: key };
}

/** What was wrong with the try before, and why it came to no end when it did not. */
async function failureOf(db: Db, job: Job, attempt: number): Promise<string | null> {
  if (attempt === 1) return null;
  const [check, agentRun] = await Promise.all([
    storedBundleCheck(db, job, checkKey(attempt - 1)),
    db.agentRun.findUnique({
      where: { jobId_run_key: { jobId: job.id, run: job.run, key: deployerKey(attempt - 1) } },
    }),
  ]);
  const stuck = stuckReasonOf(agentRun);
  return [
    ...(stuck ? [`The deployer before you came to no end: ${stuck}`] : []),
    ...findingLines(check?.findings ?? []),
  ].join("\n\n");
}

/**
 * Puts back what the deployer changed elsewhere and checks the bundles.
 * @throws Stuck when they are red after the last try; NotYet while a program runs
 */
export async function settleDeployer(db: Db, ref: RunRef, attempt: number): Promise<{ green: boolean }> {
  const job = await activeJob(db, ref);
  const known = await storedBundleCheck(db, job, checkKey(attempt));
  const { green, findings } = known ?? (await confineAndCheck(db, job, attempt));
  if (!green && attempt >= DEPLOYER_TRIES)
    throw new Stuck(
      `The deploy bundle is not fit to be handed on after ${DEPLOYER_TRIES} tries: ${describeFindings(findings)}`,
    );
  return { green };
}

async function confineAndCheck(db: Db, job: Job, attempt: number) {
  const headCommit = await confine(db, job, attempt);
  return checkBundles(db, { ...job, headCommit }, checkKey(attempt));
}

/** @returns the commit that the job's head is at afterwards */
async function confine(db: Db, job: Job, attempt: number): Promise<string | null> {
  const span = await spanOf(db, job, deployerKey(attempt));
  if (!span) return job.headCommit;
  const { start, end } = span;
  const own = [NOTES_FOLDER, ...targetsAmong(job.deployTargets).map(bundleFolder)];
  const dir = jobRepository(job.publicId);
  const strange = (await diffStat(dir, start, end)).filter(
    ({ path }) => !own.some((folder) => path.startsWith(`${folder}/`)),
  );
  if (strange.length === 0) return end;
  const before = new Map((await readTree(dir, start)).map((file) => [file.path, file]));
  const tree = await editTree(
    dir,
    end,
    strange.map(({ path }) => {
      const file = before.get(path);
      return [path, file ? { mode: file.executable ? "100755" : "100644", oid: file.oid } : null];
    }),
  );
  const [{ at } = { at: new Date(0) }] = await log(dir, end, 1);
  const message = "Put back what the deployer changed outside of its folders";
  const seconds = Math.floor(at.getTime() / 1000);
  const to = await writeCommit(dir, { tree, parents: [end], message, seconds });
  const shown = strange.slice(0, 5).map(({ path }) => path);
  const note = `What the deployer changed outside of its folders was put back: ${shown.join(", ")}.`;
  await moveHead(db, job, { from: end, to, note });
  await refillSandbox(db, job, `${deployerKey(attempt)}/back`);
  return to;
}
