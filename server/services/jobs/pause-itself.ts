// Pauses that the factory makes by itself. A job that waits for money or for a provider holds no lease (invariant 7):
// what it has done is committed with its last turn, and it goes on where it was.
import { runStatement, type Tx } from "../../db";
import type { NewJobEvent } from "../../domain/events";
import { toMicro } from "../../domain/money";
import type { WaitingCode } from "../../domain/waiting";
import { env } from "../../env";
import { type Job, Prisma } from "../../generated/prisma/client";
import { queueLimits } from "../limits/queue-limits";
import type { ReachedCap } from "../spend/reserve-spend";
import { budgetSummary } from "./budget-summary";
import { moveJob } from "./move-job";

/** A pause must at least be worth a sandbox, in milliseconds; and nobody waits longer than a week for a quota. */
const SHORTEST_MS = 1_000;
const LONGEST_MS = 7 * 24 * 3_600_000;

interface Pausing {
  /** Internal id. */
  id: bigint;
}

interface Paying extends Pausing {
  /** The job whose cap pays; itself when it has none. */
  rootId?: bigint | null;
}

/**
 * Pauses a job until a provider's quota is there again; a sweep then resumes it.
 * @param untilMs how long from now, in milliseconds
 * @param message one sentence for people
 * @returns the job as it is now
 * @throws AppError `conflict` when the job cannot be paused in its present state
 */
export async function pauseForQuota(tx: Tx, job: Pausing, untilMs: number, message: string): Promise<Job> {
  const paused = await pause(tx, job, "quota", message);
  const ms = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Number.isFinite(untilMs) ? untilMs : LONGEST_MS));
  await runStatement(
    tx,
    Prisma.sql`UPDATE job SET wake_at = now() + make_interval(secs => ${ms / 1000}::float8) WHERE id = ${job.id}::bigint`,
  );
  return paused;
}

/**
 * Pauses a job at a cap of money, and says what is done, what is open and what it cost. At the job's own cap a person
 * raises it; at that of the team's day it goes on tomorrow (UTC) by itself.
 * @param reached the cap as it was seen; when it was changed since, nothing happens and the job goes on
 * @throws AppError as pauseForQuota
 */
export async function pauseForBudget(
  tx: Tx,
  job: Paying,
  message: string,
  reached: ReachedCap | null = null,
): Promise<void> {
  if (reached && (await capNow(tx, job, reached)) !== reached.cap) return;
  const code = reached?.whose === "day" ? "day_budget" : "budget";
  const { sentence, event } = await budgetSummary(tx, job.id, reached);
  await pause(tx, job, code, `${message} ${sentence}`, [event]);
  if (code === "day_budget") await wakeTomorrow(tx, job);
}

/** The cap under a lock, so that whoever raises it finds the job paused, or the job finds it raised. */
async function capNow(tx: Tx, { id, rootId }: Paying, { whose }: ReachedCap): Promise<bigint> {
  const [row] =
    whose === "job"
      ? await tx.$queryRaw<{ cap: bigint | null }[]>`
          SELECT budget_micro_usd AS cap FROM job WHERE id = ${rootId ?? id} FOR UPDATE`
      : await tx.$queryRaw<{ cap: bigint | null }[]>`
          SELECT budget_day_micro_usd AS cap FROM team
          WHERE id = (SELECT team_id FROM job WHERE id = ${id}) FOR SHARE`;
  return row?.cap ?? toMicro(env().BUDGET_DAY_USD);
}

async function wakeTomorrow(tx: Tx, { id }: Pausing): Promise<void> {
  await runStatement(
    tx,
    Prisma.sql`
      UPDATE job SET wake_at = ((now() AT TIME ZONE 'UTC')::date + 1)::timestamp AT TIME ZONE 'UTC'
      WHERE id = ${id}::bigint`,
  );
}

/**
 * Pauses a job until tomorrow (UTC), because its team's agent runs of today are used up.
 * @throws AppError as pauseForQuota
 */
export async function pauseForAgentRuns(tx: Tx, job: Pausing): Promise<Job> {
  const message = `The team's ${queueLimits().dayAgentRuns} agent runs of today are used up.`;
  const paused = await pause(tx, job, "day_agent_runs", message);
  await wakeTomorrow(tx, job);
  return paused;
}

/**
 * Pauses a job until a person has decided about its plan.
 * @throws AppError as pauseForQuota
 */
export function pauseForPlan(tx: Tx, job: Pausing): Promise<Job> {
  return pause(tx, job, "plan", "The plan waits to be read: approve it, or ask for changes.");
}

/**
 * Lets a job rest until its candidates are over; the last of them wakes it.
 * @throws AppError as pauseForQuota
 */
export function pauseForCandidates(tx: Tx, job: Pausing, count: number): Promise<Job> {
  return pause(tx, job, "children", `It is worked out ${count} times; the best will be kept.`);
}

function pause(
  tx: Tx,
  { id }: Pausing,
  code: WaitingCode,
  message: string,
  events: readonly NewJobEvent[] = [],
): Promise<Job> {
  const set = { waitingCode: code, waitingReason: message };
  return moveJob(tx, { job: id, move: "pause", actor: "factory", reason: message, set, events });
}
