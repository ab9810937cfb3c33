// How an external agent's part of a job ends. "Complete" hands the work over to ordinary runners, which validate it like
// anybody's; it never completes a job.
import type { Db, Tx } from "../../db";
import { parseTasks } from "../../domain/checklist";
import { AppError } from "../../domain/errors";
import { needsOf } from "../../domain/needs";
import { plainText } from "../../domain/plain-json";
import { specFile } from "../../domain/spec-file";
import { PROGRESS } from "../../domain/steps";
import type { Job } from "../../generated/prisma/client";
import { moveJob } from "../jobs/move-job";
import { addToOutbox } from "../outbox/add-to-outbox";
import { redact } from "../redact";
import { workspaceText } from "../workspace/workspace-files";
import { holdExternal, type LeaseCall } from "./external-lease";
import { waitingMessages } from "./hand-out-messages";
import { passOn } from "./pass-on";

/** What the engine function of an external job waits for. */
export const externalWait = ({ publicId, run }: Pick<Job, "publicId" | "run">): string =>
  `external:${publicId}:${run}`;

/**
 * The agent says that all is done: running → validating. The lease ends, and from here on any runner may take the job.
 * @throws AppError as holdExternal; `unprocessable` when the checklist in the files says otherwise, or somebody has said
 * something that the agent has not asked for yet
 */
export async function completeExternal(db: Db, call: LeaseCall & { summary: string }): Promise<void> {
  const looked = await db.$transaction((tx) => holdExternal(tx, call));
  await requireDone(looked);
  await db.$transaction(async (tx) => {
    const job = await holdExternal(tx, call);
    if (job.headCommit !== looked.headCommit)
      throw new AppError("conflict", "Other work of this lease came in at the same time.");
    await requireRead(tx, job);
    await moveJob(tx, {
      job: job.id,
      move: "loop_green",
      actor: `worker:${call.worker}`,
      set: { currentStep: "verify", progress: Math.max(job.progress, PROGRESS.tasksDone) },
      events: [{ type: "external.completed", data: { summary: redact(call.summary) } }],
    });
    await passOn(tx, job, {
      needs: needsOf("factory", await imageOf(tx, job)),
      reason: "handed over for validation",
    });
    const { publicId, run } = job;
    const id = `${externalWait(job)}:${call.fence}`;
    await addToOutbox(tx, "command/finished", { job: publicId, command: externalWait(job) }, `${id}:done`);
    await addToOutbox(tx, "job/resumed", { job: publicId, run }, `${id}:resumed`);
  });
}

/** Every task of the checklist in the last commit must be ticked: what is open is the agent's to do, not a finding. */
async function requireDone(job: Job): Promise<void> {
  const path = specFile(job.kind);
  const spec = await workspaceText(job, path);
  const tasks = spec === null ? [] : parseTasks(spec);
  if (tasks.length === 0)
    throw new AppError("unprocessable", `The last commit has no ${path} with a checklist; it must be kept.`);
  const open = tasks.filter(({ done }) => !done);
  if (open.length > 0)
    throw new AppError(
      "unprocessable",
      `${path} has ${open.length} open ${open.length === 1 ? "task" : "tasks"} in the last commit, such as: ${open[0]?.title}`,
    );
}

/** What people said until this moment reaches the agent; what they say from now on is refused. */
async function requireRead(tx: Tx, job: Job): Promise<void> {
  const waiting = await waitingMessages(tx, job);
  if (waiting === 0) return;
  const count = waiting === 1 ? "1 message waits" : `${waiting} messages wait`;
  throw new AppError(
    "unprocessable",
    `${count} to be read: ask for them (POST messages), act on them, then complete.`,
  );
}

/** The image of the job's project, which its checks need. */
async function imageOf(tx: Tx, { projectId }: Job): Promise<string | null> {
  if (projectId === null) return null;
  const project = await tx.project.findUnique({ where: { id: projectId }, select: { image: true } });
  return project?.image ?? null;
}

/**
 * The agent cannot go on without a person: running → escalated with its reason.
 * @throws AppError as holdExternal
 */
export async function stuckExternal(db: Db, call: LeaseCall & { reason: string }): Promise<void> {
  const reason = plainText(redact(call.reason));
  await db.$transaction(async (tx) => {
    const job = await holdExternal(tx, call);
    await moveJob(tx, {
      job: job.id,
      move: "stuck",
      actor: `worker:${call.worker}`,
      reason,
      set: { errorCode: "stuck", errorMessage: reason },
      events: [{ type: "external.stuck", data: { reason } }],
    });
  });
}

/**
 * The agent gives up for good: running → failed; the last commit is kept.
 * @throws AppError as holdExternal
 */
export async function failExternal(
  db: Db,
  call: LeaseCall & { code: string; message: string },
): Promise<void> {
  const reason = plainText(redact(call.message));
  await db.$transaction(async (tx) => {
    const job = await holdExternal(tx, call);
    await moveJob(tx, {
      job: job.id,
      move: "gave_up",
      actor: `worker:${call.worker}`,
      reason,
      set: { errorCode: redact(call.code) || "external_agent", errorMessage: reason },
      events: [{ type: "external.failed", data: { reason } }],
    });
  });
}
