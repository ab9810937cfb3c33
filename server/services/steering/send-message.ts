// A person speaks to the agents of a job. The message waits until the next turn is asked for; which turn that is, the
// agents decide (server/agents/steering.ts).
import { createHash } from "node:crypto";
import { type Ctx, requireRole } from "../../context";
import type { Tx } from "../../db";
import { AppError } from "../../domain/errors";
import { isSettled, SETTLED } from "../../domain/job-state";
import { externalHears, takesMessages } from "../../domain/messages";
import type { MessageView, SendMessageInput } from "../../domain/steering";
import { appendEvents } from "../../events/append";
import type { Job, JobMessage } from "../../generated/prisma/client";
import { findJob } from "../jobs/find-job";
import { redact } from "../redact";
import { toMessageView } from "./message-view";

/** At most so many messages, and so many characters of them, may wait for one turn: it has to read them all. */
const MOST_WAITING = 50;
const MOST_CHARS = 60_000;

/**
 * Sends a message to the agents of a job.
 * @param idempotencyKey the same key with the same text is the same message, however often it comes
 * @throws AppError `forbidden`; `not_found`; `conflict` (nobody will read it, too many wait, key used for another text)
 */
export async function sendMessage({
  ctx,
  input,
  idempotencyKey = null,
}: {
  ctx: Ctx;
  input: SendMessageInput;
  idempotencyKey?: string | null;
}): Promise<MessageView> {
  requireRole(ctx.actor, "member");
  const { id } = await findJob(ctx, input.id);
  const text = redact(input.text);
  const hash = createHash("sha256").update(input.text).digest("hex");
  return ctx.db.$transaction(async (tx) => {
    // Under the job's row messages are numbered in the order in which they become visible.
    await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${id} FOR UPDATE`;
    const job = await tx.job.findUniqueOrThrow({ where: { id } });
    const known = await findByKey(tx, id, idempotencyKey, hash);
    if (known) return toMessageView(known, job);
    refuseDeaf(job);
    await refuseIndirect(tx, job);
    await refuseFlood(tx, job, text);
    const sent = await tx.jobMessage.create({
      data: {
        jobId: id,
        run: job.run,
        author: ctx.actor.username,
        text,
        idempotencyKey,
        idempotencyHash: idempotencyKey === null ? null : hash,
      },
    });
    await appendEvents(tx, id, [
      { type: "steer.sent", data: { message: String(sent.id), author: sent.author, text } },
    ]);
    return toMessageView({ ...sent, agentRun: null }, job);
  });
}

type Known = JobMessage & { agentRun: { key: string } | null };

async function findByKey(tx: Tx, jobId: bigint, key: string | null, hash: string): Promise<Known | null> {
  if (key === null) return null;
  const known = await tx.jobMessage.findUnique({
    where: { jobId_idempotencyKey: { jobId, idempotencyKey: key } },
    include: { agentRun: { select: { key: true } } },
  });
  if (known && known.idempotencyHash !== hash)
    throw new AppError("conflict", "This Idempotency-Key was used for another message; use a new key.");
  return known;
}

/** States in which no agent of this run will ask again. */
function refuseDeaf({ publicId, state }: Job): void {
  if (takesMessages(state)) return;
  if (isSettled(state))
    throw new AppError("conflict", `${publicId} is ${state}; no agent works on it any more. Retry it first.`);
  if (state === "draft")
    throw new AppError("conflict", `${publicId} is a draft; change the draft instead, or queue it first.`);
  throw new AppError(
    "conflict",
    `${publicId} is ${state}; no agent works on it until somebody decides about it.`,
  );
}

/** A job whose work is done by others has no agent of its own that would ask. */
async function refuseIndirect(tx: Tx, job: Job): Promise<void> {
  const { id, publicId, agent, state, waitingCode } = job;
  if (agent === "external" && !externalHears(state, job.resumeState))
    throw new AppError(
      "conflict",
      `The external agent of ${publicId} has handed its work over and reads no more; wait for what comes of it.`,
    );
  if (state !== "paused" || waitingCode !== "children") return;
  const children = await tx.job.findMany({
    where: { parentId: id, kind: "candidate", state: { notIn: [...SETTLED] } },
    select: { publicId: true },
    orderBy: { id: "asc" },
  });
  throw new AppError(
    "conflict",
    `${publicId} waits for its candidates; say it to them: ${children.map((child) => child.publicId).join(", ")}.`,
  );
}

async function refuseFlood(tx: Tx, job: Job, text: string): Promise<void> {
  const [waiting] = await tx.$queryRaw<{ count: number; chars: number }[]>`
    SELECT count(*)::int AS count, COALESCE(sum(length(text)), 0)::int AS chars FROM job_message
    WHERE job_id = ${job.id} AND run = ${job.run}::int AND delivered_at IS NULL`;
  const { count, chars } = waiting ?? { count: 0, chars: 0 };
  if (count >= MOST_WAITING)
    throw new AppError(
      "conflict",
      `${count} messages to ${job.publicId} wait to be read already, which is the most; wait for its next turn.`,
    );
  if (chars + text.length > MOST_CHARS)
    throw new AppError(
      "conflict",
      `The messages to ${job.publicId} that wait would be longer than ${MOST_CHARS} characters together; wait for its next turn.`,
    );
}
