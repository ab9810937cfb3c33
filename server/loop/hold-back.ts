// Tests that are kept from those who write the code. What the tester names is stored first, then taken out of the
// workspace together with the commits that have ever had it: nothing that a later sandbox gets leads to them.
import { join } from "node:path";
import { firstMessage } from "../agents/first-message";
import type { TesterResult } from "../agents/roles/tester";
import { startAgentRun } from "../agents/start-agent-run";
import type { Db } from "../db";
import { PROGRESS } from "../domain/steps";
import { env } from "../env";
import type { Job } from "../generated/prisma/client";
import { activeJob, type RunRef } from "../services/jobs/active-job";
import { stepChange } from "../services/jobs/set-step";
import { jobRepository } from "../services/workspace/job-repository";
import { isNamedLikeTest, isTestFile } from "../toolchains/test-files";
import { editTree } from "../workspaces/edit-tree";
import { type HeldFile, keepHeldBack, readHeldBack } from "../workspaces/held-back";
import { type FileEntry, log, readBlobs, readTree } from "../workspaces/read-files";
import { repositoryPath } from "../workspaces/repository";
import { writeCommit } from "../workspaces/write-commit";
import { type AgentSpan, moveHead, spanOf } from "./agent-span";
import { briefAgent } from "./brief-agent";
import { checksOf } from "./checks";
import { refillSandbox } from "./run-programs";

/** Where the held-back tests of a job lie. */
export function heldBackRepository(publicId: string): string {
  return repositoryPath(join(env().DATA_DIR, "held-back"), publicId);
}

/** What a tester is told of how much to hold back, by whether others see its other tests. */
const HOLD_SOME =
  "one file that a good solution passes; at least one other test file stays where it is. None when the task gives no second one.";
const HOLD_ALL = "all of them: nobody but the factory will ever see a test that you write here.";

/** What the first message of a task's tester says of it; undefined when nothing is to be held back. */
export const holdOf = (job: Job): string | undefined => (job.holdBackTests ? HOLD_SOME : undefined);

/** The tests that a job is validated by without having seen them: its own, and those of the job that it is a part of. */
export async function heldBackFor(db: Db, job: Job): Promise<HeldFile[]> {
  const parent = job.parentId === null ? null : await db.job.findUnique({ where: { id: job.parentId } });
  const own = await ownHeldBack(job);
  const given = parent
    ? await readHeldBack(heldBackRepository(parent.publicId), job.parentRun ?? parent.run)
    : [];
  const files = new Map([...own, ...given].map((file) => [file.path, file]));
  return [...files.values()];
}

/** An external agent's are written before it has seen anything, which is once: a new run keeps them. */
async function ownHeldBack({ publicId, run, agent }: Job): Promise<HeldFile[]> {
  const held: HeldFile[] = [];
  for (let n = agent === "external" ? 1 : run; n <= run; n++)
    held.push(...(await readHeldBack(heldBackRepository(publicId), n)));
  return held;
}

/**
 * Test files that were named to be held back and are nowhere now, neither in the work nor in the store: whoever lost them
 * must not have made the job pass. A path each.
 */
export async function missingHeldBack(db: Db, job: Job, held: readonly HeldFile[]): Promise<string[]> {
  const testers = await db.agentRun.findMany({
    where: { jobId: job.id, run: job.run, role: "tester", state: "finished" },
    select: { key: true, result: true },
  });
  const there = new Set(held.map(({ path }) => path));
  const missing: string[] = [];
  for (const { key, result } of testers) {
    const paths = named(result).map(tidy).filter(isTestFile);
    const span = paths.length > 0 && job.holdBackTests ? await spanOf(db, job, key) : null;
    if (!span || !job.headCommit) continue;
    const dir = jobRepository(job.publicId);
    const [written, now] = await Promise.all([readTree(dir, span.end), readTree(dir, job.headCommit)]);
    const has = (files: readonly FileEntry[], path: string) => files.some((file) => file.path === path);
    missing.push(...paths.filter((path) => has(written, path) && !has(now, path) && !there.has(path)));
  }
  return missing;
}

const testerKeys = (n: number) => [`task-${n}/tester-again`, `task-${n}/tester`];

/**
 * Holds back what the tester of a task has named. The same again changes nothing.
 * @returns the job as it is now
 * @throws NotYet while the sandbox is filled anew
 */
export async function holdBack(db: Db, ref: RunRef & { n: number }): Promise<Job> {
  const job = await activeJob(db, ref);
  if (!job.holdBackTests) return job;
  for (const key of testerKeys(ref.n)) {
    const span = await spanOf(db, job, key);
    if (!span) continue;
    await holdBackOf(db, job, span, { name: `task-${ref.n}`, all: false });
    break;
  }
  return activeJob(db, ref);
}

const HELD_KEY = "held-back/tester";

/**
 * Begins a tester who writes tests from the specification alone, before there is any code; all of them are held back.
 * For the parent of candidates.
 */
export async function beginHeldBack(db: Db, ref: RunRef): Promise<{ agent: string | null }> {
  const job = await activeJob(db, ref);
  if (!job.holdBackTests) return { agent: null };
  const { brief, ignored } = await briefAgent(db, job, { notes: false });
  const step = stepChange(job, { step: "testgen", progress: PROGRESS.planned });
  const first = firstMessage(job, { ...brief, hold: HOLD_ALL });
  await startAgentRun(db, { job, key: HELD_KEY, role: "tester", first, task: null, ignored, step });
  return { agent: HELD_KEY };
}

/** Holds back everything that the tester of {@link beginHeldBack} wrote. @returns how many files are held back */
export async function keepAllHeldBack(db: Db, ref: RunRef): Promise<{ files: number }> {
  const job = await activeJob(db, ref);
  const span = await spanOf(db, job, HELD_KEY);
  if (span) await holdBackOf(db, job, span, { name: "spec", all: true });
  return { files: (await readHeldBack(heldBackRepository(job.publicId), job.run)).length };
}

/** A run that ended between a tester's end and the taking out: done before a new run gives the files to anybody. */
export async function holdBackLeft(db: Db, job: Job): Promise<void> {
  const last = await db.agentRun.findFirst({
    where: { jobId: job.id, run: { lt: job.run }, role: "tester" },
    orderBy: { id: "desc" },
  });
  if (!last || !job.holdBackTests) return;
  const span = await spanOf(db, { ...job, run: last.run }, last.key);
  if (!span) return;
  const all = last.key === HELD_KEY;
  await holdBackOf(db, job, span, { name: all ? "spec" : (last.key.split("/", 1)[0] as string), all });
}

interface Hold {
  name: string;
  /** Everything that the tester wrote; otherwise what it named. */
  all: boolean;
}

async function holdBackOf(
  db: Db,
  job: Job,
  { agentRun, start, end }: AgentSpan,
  { name, all }: Hold,
): Promise<void> {
  if (start === end) return;
  // Whoever did not finish may have written half of what was to be held back.
  if (agentRun.state !== "finished") return all ? takeBack(db, job, { start, end }, name) : undefined;
  const from = jobRepository(job.publicId);
  const files = await filesToHold(db, job, from, {
    start,
    end,
    named: all ? null : named(agentRun.result),
  });
  if (files.length > 0) {
    const held = heldBackRepository(job.publicId);
    // Stored first: what is taken out and not stored would be lost with the process.
    await keepHeldBack(held, { from, commit: end, files, run: agentRun.run, name });
  }
  const to = all ? start : await without(from, { start, end, files, message: `${agentRun.key}: tests` });
  if (to === end) return;
  const count = files.length === 1 ? "1 test file is" : `${files.length} test files are`;
  const note = `${count} held back: nobody who writes code sees them; they are run when the job is verified.`;
  await takeOut(db, job, { from: end, to, note, key: `${name}/hold-back/run-${agentRun.run}` });
}

interface TakeOut {
  from: string;
  to: string;
  note: string;
  key: string;
}

/**
 * Moves the head and fills the sandbox anew, whose files the next turn commits; also when the head was moved before by a
 * process that died there. Nothing happens when somebody has gone on from it since.
 */
async function takeOut(db: Db, job: Job, { from, to, note, key }: TakeOut): Promise<void> {
  if (job.headCommit !== from && job.headCommit !== to) return;
  await moveHead(db, job, { from, to, note });
  await refillSandbox(db, job, key);
}

/** The workspace as it was before a tester that did not finish. */
async function takeBack(
  db: Db,
  job: Job,
  { start, end }: { start: string; end: string },
  name: string,
): Promise<void> {
  const note = "The tester did not finish: no tests are held back, and what it wrote is taken back.";
  await takeOut(db, job, { from: end, to: start, note, key: `${name}/take-back/run-${job.run}` });
}

const named = (result: unknown): readonly string[] =>
  ((result ?? {}) as Partial<TesterResult>).held_back ?? [];

const tidy = (path: string) => path.replace(/^(?:\.?\/)+/, "");
const MAX_BYTES = 1024 * 1024;

/**
 * The files that can be held back: tests that this agent run has added, as text. What was there before is in the history
 * of everybody's sandbox. One test stays where it is, unless `named` is null, which means all.
 */
async function filesToHold(
  db: Db,
  job: Job,
  dir: string,
  { start, end, named }: { start: string; end: string; named: readonly string[] | null },
): Promise<FileEntry[]> {
  if (named?.length === 0) return [];
  const before = new Set((await readTree(dir, start)).map(({ path }) => path));
  // Whoever filed the job looks for these in the work.
  const promised = new Set([...job.requiredTests, ...job.declaredFiles].map(tidy));
  const { folder } = await checksOf(db, job);
  const added = (await readTree(dir, end)).filter(
    ({ path, size }) =>
      !before.has(path) &&
      !promised.has(path) &&
      size <= MAX_BYTES &&
      isTestFile(path) &&
      (folder === "" || path.startsWith(`${folder}/`)),
  );
  const wanted = new Set(named?.map(tidy));
  const chosen = named === null ? added : added.filter(({ path }) => wanted.has(path));
  const tests = (files: readonly FileEntry[]) => files.filter(({ path }) => isNamedLikeTest(path));
  const nothingSeen = named !== null && tests(chosen).length === tests(added).length;
  const rest = nothingSeen ? chosen.filter((file) => file !== tests(chosen)[0]) : chosen;
  const texts = await readBlobs(
    dir,
    rest.map(({ oid }) => oid),
  );
  return rest.filter((_, i) => !texts[i]?.includes(0));
}

/** One commit instead of all that the agent run has made, without these files. */
async function without(
  dir: string,
  { start, end, files, message }: { start: string; end: string; files: FileEntry[]; message: string },
): Promise<string> {
  if (files.length === 0) return end;
  const tree = await editTree(
    dir,
    end,
    files.map(({ path }) => [path, null]),
  );
  const [{ at } = { at: new Date(0) }] = await log(dir, end, 1);
  return writeCommit(dir, { tree, parents: [start], message, seconds: Math.floor(at.getTime() / 1000) });
}
