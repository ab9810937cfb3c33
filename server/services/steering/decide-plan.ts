// A person decides about the plan that a job waits with. One transaction: the decision, its event, and the job going on.
import { type Ctx, requireRole } from "../../context";
import type { Tx } from "../../db";
import { MAX_TASKS, parseTasks } from "../../domain/checklist";
import { AppError } from "../../domain/errors";
import type { ApprovePlanInput, PlanDecision, RequestChangesInput } from "../../domain/steering";
import type { Job, PlanReview } from "../../generated/prisma/client";
import { findJob } from "../jobs/find-job";
import { moveJob } from "../jobs/move-job";
import { redact } from "../redact";

/** How often a plan is written: each version is an agent run that is paid for. */
const MOST_VERSIONS = 20;

interface Decision {
  decision: PlanDecision;
  /** The version that was read; left out, the one that waits. */
  version: number | undefined;
  remarks: string | null;
  editedSpec: string | null;
}

/**
 * Approves the plan, perhaps as it was edited, and lets the job go on with it.
 * @throws AppError `forbidden`; `not_found`; `conflict` when there is nothing to decide, or it was decided otherwise;
 * `unprocessable` for an edited plan that cannot be worked off
 */
export function approvePlan({ ctx, input }: { ctx: Ctx; input: ApprovePlanInput }): Promise<void> {
  const { id, version, spec } = input;
  const editedSpec = spec === undefined ? null : redact(spec);
  return decide(ctx, id, { decision: "approved", version, remarks: null, editedSpec });
}

/**
 * Sends the plan back with remarks: the planner writes another version, which is to be decided about again.
 * @throws AppError `forbidden`; `not_found`; `conflict` when there is nothing to decide, or it was decided otherwise
 */
export function requestChanges({ ctx, input }: { ctx: Ctx; input: RequestChangesInput }): Promise<void> {
  const { id, version, text } = input;
  return decide(ctx, id, { decision: "changes", version, remarks: redact(text), editedSpec: null });
}

function refuseSpec(spec: string): void {
  const tasks = parseTasks(spec).length;
  if (tasks === 0)
    throw new AppError("unprocessable", "spec: has no checklist; it needs lines like “- [ ] task”.");
  if (tasks > MAX_TASKS)
    throw new AppError("unprocessable", `spec: has ${tasks} tasks; at most ${MAX_TASKS} are possible.`);
}

async function decide(ctx: Ctx, publicId: string, wanted: Decision): Promise<void> {
  requireRole(ctx.actor, "member");
  const { id } = await findJob(ctx, publicId);
  if (wanted.editedSpec !== null) refuseSpec(wanted.editedSpec);
  await ctx.db.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${id} FOR UPDATE`;
    const job = await tx.job.findUniqueOrThrow({ where: { id } });
    const review = await findReview(tx, job, wanted.version);
    if (sameDecision(review, wanted)) return;
    refuseDecided(job, review, wanted.version);
    if (wanted.decision === "changes" && review.version >= MOST_VERSIONS)
      throw new AppError(
        "conflict",
        `The plan of ${publicId} was written ${review.version} times; edit it and approve it, or stop the job.`,
      );
    const { decision, remarks, editedSpec } = wanted;
    const actor = `person:${ctx.actor.username}`;
    await tx.$executeRaw`
      UPDATE plan_review SET decision = ${decision}, remarks = ${remarks}, edited_spec = ${editedSpec},
        decided_by = ${ctx.actor.username}, decided_at = now()
      WHERE job_id = ${id} AND run = ${review.run}::int AND version = ${review.version}::int`;
    await moveJob(tx, {
      job: id,
      move: "resume",
      actor,
      reason: decision === "approved" ? "the plan was approved" : "changes to the plan were asked for",
      events: [
        {
          type: "plan.decided",
          data: { version: review.version, decision, actor, remarks, edited: editedSpec !== null },
        },
      ],
    });
  });
}

/** The version that is meant; without a number it is the newest. */
async function findReview(tx: Tx, job: Job, version: number | undefined): Promise<PlanReview> {
  const review = await tx.planReview.findFirst({
    where: { jobId: job.id, run: job.run, ...(version !== undefined && { version }) },
    orderBy: { version: "desc" },
  });
  if (review) return review;
  const which = version === undefined ? "no plan" : `no version ${version} of a plan`;
  throw new AppError("conflict", `${job.publicId} has ${which} that waits for a decision.`);
}

const sameDecision = (review: PlanReview, wanted: Decision) =>
  review.decision === wanted.decision &&
  review.remarks === wanted.remarks &&
  review.editedSpec === wanted.editedSpec;

function refuseDecided(job: Job, review: PlanReview, version: number | undefined): void {
  if (review.decision !== null) {
    const how = review.decision === "approved" ? "was approved" : "was sent back with remarks";
    throw new AppError(
      "conflict",
      `Version ${review.version} of the plan of ${job.publicId} ${how} by ${review.decidedBy} already${version === undefined ? "; no other one waits for a decision" : ""}.`,
    );
  }
  if (job.state !== "paused" || job.waitingCode !== "plan")
    throw new AppError("conflict", `${job.publicId} is ${job.state}; its plan waits for no decision.`);
}
