// What an external agent has made comes in as any sandbox's work does: the bundle is checked in four steps and becomes a
// commit of ours on the job's head, which moves in the same transaction as its checklist (invariant 8). So a host that
// dies costs what it had not sent yet.
import type { BundleAnswer } from "../../../runner/protocol";
import { type Db, runStatement, type Tx } from "../../db";
import { parseTasks } from "../../domain/checklist";
import { AppError } from "../../domain/errors";
import type { NewJobEvent } from "../../domain/events";
import { specFile } from "../../domain/spec-file";
import { PROGRESS } from "../../domain/steps";
import { ANNOUNCED, appending } from "../../events/append";
import { type Job, Prisma } from "../../generated/prisma/client";
import { diffStat } from "../../workspaces/diff";
import { importBundle } from "../../workspaces/import-bundle";
import { WorkspaceRefused } from "../../workspaces/refusal";
import { stepChange } from "../jobs/set-step";
import { touchFiles } from "../locks/touch-files";
import { redact } from "../redact";
import { jobRepository } from "../workspace/job-repository";
import { prepareFiles, workspaceText } from "../workspace/workspace-files";
import { holdForWork, type LeaseCall } from "./external-lease";
import { keepTold } from "./hand-out-messages";
import { pauseCapped } from "./pause-capped";

const MAX_MESSAGE_CHARS = 200;

/**
 * Takes in one iteration's work. The same work a second time gives the same answer.
 * @param message what the commit is called
 * @throws AppError as holdForWork; `conflict` when another bundle of this lease came in meanwhile
 */
export async function receiveWork(
  db: Db,
  call: LeaseCall,
  message: string,
  bundle: AsyncIterable<Uint8Array>,
): Promise<BundleAnswer> {
  const job = await db.$transaction((tx) => holdForWork(tx, call));
  if (!job.headCommit)
    throw new AppError("conflict", "The workspace is not ready yet; ask for the brief first.");
  const dir = jobRepository(job.publicId);
  // First redacted, then cut: half a credential would not be known as one.
  const name = redact(message).slice(0, MAX_MESSAGE_CHARS).toWellFormed() || "Work of an external agent";
  try {
    const made = await importBundle(dir, bundle, { parent: job.headCommit, message: name });
    const changes = made.unchanged ? [] : await diffStat(dir, job.headCommit, made.commit);
    if (!made.unchanged) prepareFiles(job.publicId, made.commit, job.headCommit, made.files);
    const told = await moveHead(db, call, job, { commit: made.commit, message: name, changes });
    if (job.projectId !== null && job.baseRoot) {
      const touched = await diffStat(dir, job.baseRoot, made.commit);
      await touchFiles(
        db,
        job,
        touched.map(({ path }) => path),
      );
    }
    return { accepted: true, commit: made.commit, tree: made.tree, ...told };
  } catch (error) {
    if (error instanceof WorkspaceRefused) return { accepted: false, reason: error.message };
    throw error;
  }
}

interface Work {
  commit: string;
  message: string;
  changes: readonly { added: number | null; removed: number | null }[];
}

interface Told {
  open_tasks: number | null;
  paused: boolean;
}

async function moveHead(db: Db, call: LeaseCall, before: Job, work: Work): Promise<Told> {
  const tasks = await tasksAt(before, work.commit);
  return db.$transaction(async (tx) => {
    const job = await holdForWork(tx, call);
    if (job.headCommit !== before.headCommit) {
      throw new AppError("conflict", "Other work of this lease came in at the same time.");
    }
    const wasDone = await storeTasks(tx, job, tasks);
    const done = tasks.filter(({ done: isDone }) => isDone).length;
    const share = tasks.length === 0 ? 0 : done / tasks.length;
    const progress = PROGRESS.planned + (PROGRESS.tasksDone - PROGRESS.planned) * share;
    const step = stepChange(job, { step: "generate", progress });
    const events = [...eventsOf(work, before), ...newlyDone(tasks, wasDone), ...step.events];
    await runStatement(
      tx,
      Prisma.sql`WITH ${appending(
        Prisma.sql`SELECT ${job.id}::bigint`,
        events,
        Prisma.sql`, head_commit = ${work.commit} ${step.set}`,
      )} ${ANNOUNCED}`,
    );
    await keepTold(tx, job, call.fence);
    const paused = job.state === "paused" || (await pauseCapped(tx, job));
    return { open_tasks: tasks.length === 0 ? null : tasks.length - done, paused };
  });
}

interface TaskNow {
  title: string;
  done: boolean;
}

/** The checklist as it stands in the files; an agent's word for a task is none. */
async function tasksAt(job: Job, commit: string): Promise<TaskNow[]> {
  const spec = await workspaceText({ publicId: job.publicId, headCommit: commit }, specFile(job.kind));
  return spec === null ? [] : parseTasks(spec);
}

/** @returns the numbers of the tasks that were done before */
async function storeTasks(tx: Tx, job: Job, tasks: readonly TaskNow[]): Promise<Set<number>> {
  const where = { jobId: job.id, run: job.run };
  const known = await tx.task.findMany({ where });
  await tx.task.deleteMany({ where });
  const rows = tasks.map((task, i) => ({ ...where, n: i + 1, ...task }));
  if (rows.length > 0) await tx.task.createMany({ data: rows });
  return new Set(known.filter(({ done }) => done).map(({ n }) => n));
}

function newlyDone(tasks: readonly TaskNow[], wasDone: ReadonlySet<number>): NewJobEvent[] {
  return tasks.flatMap(({ done }, i): NewJobEvent[] =>
    done && !wasDone.has(i + 1) ? [{ type: "task.done", data: { n: i + 1, fixes: 0 } }] : [],
  );
}

function eventsOf({ commit, message, changes }: Work, before: Job): NewJobEvent[] {
  if (commit === before.headCommit) return [];
  const sum = (of: "added" | "removed") => changes.reduce((total, change) => total + (change[of] ?? 0), 0);
  const data = { commit, message, files: changes.length, added: sum("added"), removed: sum("removed") };
  return [{ type: "workspace.committed", data }];
}
