// Tests are not the fixer's: what it changed or deleted among those that were there is put back before the checks, unless
// a debugger found the tests or the specification to blame, or a linter complains about that very file.
import type { Db } from "../db";
import type { Job } from "../generated/prisma/client";
import { activeJob } from "../services/jobs/active-job";
import { jobRepository } from "../services/workspace/job-repository";
import { isTestFile } from "../toolchains/test-files";
import { within } from "../toolchains/workspace-files";
import { diffStat } from "../workspaces/diff";
import { editTree } from "../workspaces/edit-tree";
import { log, readTree } from "../workspaces/read-files";
import { writeCommit } from "../workspaces/write-commit";
import { moveHead, spanOf } from "./agent-span";
import { checksOf, type StoredLint } from "./checks";
import { mayTouchTests } from "./debug-task";
import { fixerKey } from "./fixer-key";
import { mergeKey } from "./merge-check";
import { refillSandbox } from "./run-programs";
import type { TaskRef } from "./task-ref";

/** @throws NotYet while the sandbox is filled anew, when something was put back */
export async function restoreTests(db: Db, ref: TaskRef, round: number): Promise<void> {
  // What does not fit after a merge may stand in tests as well.
  if (ref.n > ref.of) return;
  const job = await activeJob(db, ref);
  const [first, again] = await Promise.all([
    spanOf(db, job, fixerKey(ref.n, round)),
    spanOf(db, job, fixerKey(ref.n, round, true)),
  ]);
  if (!first || (await mayTouchTests(db, job, ref.n))) return;
  await putTestsBack(db, job, {
    start: first.start,
    end: again?.end ?? first.end,
    spared: await lintedFiles(db, job, ref.n, round - 1),
    key: fixerKey(ref.n, round),
    name: `fix ${round} of task ${ref.n}`,
  });
}

/**
 * A run that ended while a fixer was at work: what that one changed in tests has been through no check, and is put back
 * before a new run begins from it.
 * @throws NotYet while the sandbox is filled anew, when something was put back
 */
export async function restoreLeft(db: Db, job: Job): Promise<void> {
  const last = await db.agentRun.findFirst({
    where: { jobId: job.id, run: { lt: job.run } },
    orderBy: { id: "desc" },
  });
  if (last?.role !== "fixer") return;
  const former = { ...job, run: last.run };
  const key = last.key.replace(/-again$/, "");
  const [first, own] = await Promise.all([spanOf(db, former, key), spanOf(db, former, last.key)]);
  if (!first || !own) return;
  const [, n, round] = /^task-(\d+)\/fix-(\d+)$/.exec(key)?.map(Number) ?? [];
  const ofTask = n !== undefined && round !== undefined;
  if (ofTask && ((await isMerge(db, former, n)) || (await mayTouchTests(db, former, n)))) return;
  await putTestsBack(db, job, {
    start: first.start,
    end: own.end,
    spared: ofTask ? await lintedFiles(db, former, n, round - 1) : new Set(),
    key: `${key}/run-${last.run}`,
    name: `${key} of run ${last.run}`,
  });
}

/** What does not fit after a merge may stand in tests as well. */
async function isMerge(db: Db, { id, run }: Job, n: number): Promise<boolean> {
  const where = { jobId_run_key: { jobId: id, run, key: mergeKey(n, 0) } };
  return (await db.checkRun.findUnique({ where })) !== null;
}

interface Fixed {
  /** Commits before and after the fix. */
  start: string;
  end: string;
  /** Test files that it may change. */
  spared: ReadonlySet<string>;
  key: string;
  name: string;
}

/**
 * Puts tests back that a fix has changed or deleted.
 * @returns the commit that the job's head is at afterwards
 * @throws NotYet while the sandbox is filled anew, when something was put back
 */
export async function putTestsBack(
  db: Db,
  job: Job,
  { start, end, spared, key, name }: Fixed,
): Promise<string> {
  const dir = jobRepository(job.publicId);
  const changed = (await diffStat(dir, start, end)).filter(
    ({ path, status }) => status !== "added" && isTestFile(path) && !spared.has(path),
  );
  if (changed.length === 0) return end;
  const paths = new Set(changed.map(({ path }) => path));
  const before = (await readTree(dir, start)).filter(({ path }) => paths.has(path));
  const tree = await editTree(
    dir,
    end,
    before.map(({ path, oid, executable }) => [path, { mode: executable ? "100755" : "100644", oid }]),
  );
  const [{ at } = { at: new Date(0) }] = await log(dir, end, 1);
  const seconds = Math.floor(at.getTime() / 1000);
  const message = `Put the tests back as they were before ${name}`;
  const to = await writeCommit(dir, { tree, parents: [end], message, seconds });
  // Somebody has gone on from there since.
  if (job.headCommit !== end && job.headCommit !== to) return to;
  const shown = [...paths].slice(0, 5).join(", ");
  await moveHead(db, job, { from: end, to, note: `What ${name} changed in tests was put back: ${shown}.` });
  await refillSandbox(db, job, `${key}/tests-back`);
  return to;
}

/** Files that a linter complained about in a round. */
async function lintedFiles(db: Db, job: Job, n: number, round: number): Promise<Set<string>> {
  const key = `task-${n}/${round}/lint`;
  const check = await db.checkRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key } },
  });
  const { folder } = await checksOf(db, job);
  const { reports = [] } = (check?.report ?? {}) as Partial<StoredLint>;
  return new Set(
    reports.flatMap(({ problems }) => problems.map(({ file }) => within(folder === "" ? "." : folder, file))),
  );
}
