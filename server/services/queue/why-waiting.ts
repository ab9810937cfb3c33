// Why each of some jobs waits. What the claim decides is read from the claim's own gate, what a job depends on and whose
// files it needs by the rules that make it claimable; only what a pause has noted is taken from the row.
import { type Db, runStatement } from "../../db";
import { EXECUTING } from "../../domain/job-state";
import type { Lane } from "../../domain/lane";
import { toUsd } from "../../domain/money";
import { HEAD_RANK } from "../../domain/priority";
import {
  type Closure,
  closureWait,
  dependencyWait,
  isWaitingCode,
  type Waiting,
  type WaitingCode,
} from "../../domain/waiting";
import { type Job, Prisma } from "../../generated/prisma/client";
import { childWaits } from "../candidates/child-waits";
import { openDependencies } from "../jobs/wake-dependents";
import { type QueueLimits, queueLimits } from "../limits/queue-limits";
import { fileWaits } from "../locks/file-waits";
import { type GateRow, gateOf } from "./gate";

type WaitingJob = Pick<
  Job,
  | "id"
  | "teamId"
  | "state"
  | "lane"
  | "rank"
  | "needs"
  | "claimable"
  | "projectId"
  | "leaseWorkerId"
  | "leaseUntil"
  | "waitingCode"
  | "waitingReason"
>;

/**
 * @param jobs jobs of one team
 * @returns by internal id; a job that waits for nothing is not in it
 */
export async function whyWaiting(
  db: Db,
  jobs: readonly WaitingJob[],
  limits: QueueLimits = queueLimits(),
): Promise<Map<bigint, Waiting>> {
  const reasons = new Map<bigint, Waiting>();
  const queued = jobs.filter((job) => EXECUTING[job.state] && job.leaseWorkerId === null);
  // What was held back for files that nobody holds any more is about to be claimable.
  const open = queued.filter((job) => job.claimable || job.waitingCode === "files");
  const gate = open[0] ? await readGate(db, open[0].teamId, limits) : null;
  const depending = queued.filter((job) => !job.claimable).map((job) => job.id);
  const dependencies = depending.length > 0 ? await openDependencies(db, depending) : new Map();
  const inProjects = queued.filter((job) => job.projectId !== null).map((job) => job.id);
  const files = await fileWaits(db, inProjects);
  for (const job of queued) {
    const dependency = dependencies.get(job.id);
    const file = job.leaseUntil === null ? files.get(job.id) : undefined;
    if (dependency) reasons.set(job.id, dependencyWait(dependency.public_id, dependency.state));
    else if (file) reasons.set(job.id, file);
    else if (gate && open.includes(job)) reasons.set(job.id, gateWait(job, gate, limits));
    else reasons.set(job.id, noted(job, "sandbox", "waits a moment before it is tried again"));
  }
  const paused = jobs.filter(({ state }) => state === "paused");
  const parents = paused.filter(({ waitingCode }) => waitingCode === "children").map(({ id }) => id);
  const children = await childWaits(db, parents);
  for (const job of paused)
    reasons.set(
      job.id,
      children.get(job.id) ?? noted(job, "paused", "is paused until somebody lets it go on"),
    );
  return reasons;
}

interface Gate {
  lanes: Map<string, GateRow>;
  /** How many workers offer what a job may need. */
  offered: Record<string, number>;
}

async function readGate(db: Db, team: bigint, limits: QueueLimits): Promise<Gate> {
  const rows = await runStatement<GateRow & { offered: Record<string, number> | null }>(
    db,
    Prisma.sql`
      WITH ${gateOf(limits, true, team)}
      SELECT gate.*, (SELECT jsonb_object_agg(offer, workers) FROM (
        SELECT unnest(offers) AS offer, count(*) AS workers FROM worker WHERE status <> 'dead' GROUP BY 1
      ) o) AS offered FROM gate`,
  );
  return { lanes: new Map(rows.map((row) => [row.lane, row])), offered: rows[0]?.offered ?? {} };
}

function gateWait({ lane, rank, needs }: WaitingJob, { lanes, offered }: Gate, limits: QueueLimits): Waiting {
  const row = lanes.get(lane);
  const code = row?.closed ?? (rank > HEAD_RANK ? row?.closed_to_new : null) ?? null;
  return closureWait(row && code ? closureOf(code, lane, row, limits) : null, needs, offered[needs] ?? 0);
}

function closureOf(code: Closure["code"], lane: Lane, row: GateRow, limits: QueueLimits): Closure {
  switch (code) {
    case "factory_limit":
      return { code, lane, limit: limits.factory ?? 0 };
    case "team_limit":
      return { code, lane, limit: limits.team ?? 0 };
    case "lane_limit":
      return { code, lane, limit: limits.lanes[lane] ?? 0 };
    case "day_budget":
      return { code, limit: toUsd(row.day_budget) };
    case "day_agent_runs":
      return { code, limit: limits.dayAgentRuns };
    case "cooldown":
      return { code, limit: limits.cooldownSeconds };
  }
}

/** What was noted when the job was set aside. */
function noted({ waitingCode, waitingReason }: WaitingJob, code: WaitingCode, text: string): Waiting {
  return { code: isWaitingCode(waitingCode) ? waitingCode : code, text: waitingReason ?? text };
}
