// What an external agent's host is told of its job, once the workspace is there.
import type { BriefAnswer } from "../../../runner/protocol";
import { type Db, runStatement } from "../../db";
import { NOTES_FOLDER } from "../../domain/agent-notes";
import { specFile } from "../../domain/spec-file";
import { env } from "../../env";
import { JOB_CHANNEL } from "../../events/append";
import { waitFor } from "../../events/wait-for";
import { type Job, Prisma } from "../../generated/prisma/client";
import { modelFor } from "../../models/choose-model";
import { learningsFor } from "../memory/learnings-for";
import { LEASED_MS_NOW } from "../queue/lease-sql";
import { holdExternal, type LeaseCall } from "./external-lease";

/**
 * The brief of a leased job.
 * @param waitMs how long to wait for its workspace, in milliseconds
 * @returns null when that is not there yet
 * @throws AppError as holdExternal
 */
export async function getBrief(
  db: Db,
  call: LeaseCall,
  { waitMs, signal }: { waitMs: number; signal: AbortSignal },
): Promise<BriefAnswer | null> {
  const { id } = await db.$transaction((tx) => holdExternal(tx, call));
  const wants = (payload: string) => payload.startsWith(`${id}:`);
  return waitFor(JOB_CHANNEL, () => lookForBrief(db, call), { waitMs, signal, wants });
}

/** The plan is stored together with the first commit, so with it the workspace of this run is ready. */
async function lookForBrief(db: Db, call: LeaseCall): Promise<BriefAnswer | null> {
  const job = await db.$transaction((tx) => holdExternal(tx, call));
  const planned = await db.task.count({ where: { jobId: job.id, run: job.run } });
  if (planned === 0 || !job.headCommit) return null;
  const learnings = await learningsFor(db, job, { agentRun: `external/${job.fence}` });
  return { ...briefOf(job, await secondsLeft(db, job)), learnings };
}

async function secondsLeft(db: Db, job: Job): Promise<number> {
  const [row] = await runStatement<{ ms: bigint }>(
    db,
    Prisma.sql`SELECT ${LEASED_MS_NOW} AS ms FROM job old WHERE id = ${job.id}::bigint`,
  );
  return Math.max(0, env().JOB_TIMEOUT - Number(row?.ms ?? 0) / 1000);
}

function briefOf(job: Job, seconds: number): BriefAnswer {
  const { provider, model } = modelFor("coder", job.models as Record<string, string>);
  return {
    title: job.title,
    description: job.description,
    kind: job.kind,
    features: job.features,
    tech_stack: job.techStack,
    context: job.context,
    required_patterns: job.requiredPatterns,
    required_tests: job.requiredTests,
    files: job.declaredFiles,
    spec_file: specFile(job.kind),
    notes_folder: NOTES_FOLDER,
    iterations: job.iterations,
    seconds_left: seconds,
    model: provider === "anthropic" ? model : null,
  };
}
