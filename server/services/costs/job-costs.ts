// What one job has cost, put together in every way by one statement, so that all of them agree at that moment.
import type { Ctx } from "../../context";
import { type Db, runStatement } from "../../db";
import { type JobCostsView, roundOf } from "../../domain/costs";
import type { JobKind } from "../../domain/job-kind";
import { toUsd } from "../../domain/money";
import { type Job, Prisma } from "../../generated/prisma/client";
import { findJob } from "../jobs/find-job";
import { addRows, CHARGED, NO_COST, SUMS, type SummedRow, toLine } from "./cost-line";
import { dayCapOf } from "./day-cap";

interface GroupRow extends SummedRow {
  /** Which of the groupings it belongs to. */
  by: "total" | "role" | "model" | "agent_run" | "job" | "day";
  role: string | null;
  provider: string | null;
  model: string | null;
  public_id: string | null;
  title: string | null;
  kind: JobKind | null;
  run: number | null;
  agent_run: string | null;
  day: string | null;
  turns: number;
  estimated: bigint;
}

/** A job that has the cap counts with everything below it. @throws AppError `not_found` */
export async function jobCosts({ ctx, input }: { ctx: Ctx; input: { id: string } }): Promise<JobCostsView> {
  const job = await findJob(ctx, input.id);
  const rootId = job.rootId ?? job.id;
  const [root, rows, { own: _, ...day }] = await Promise.all([
    rootId === job.id ? job : ctx.db.job.findUniqueOrThrow({ where: { id: rootId } }),
    groupsOf(ctx.db, job, rootId === job.id),
    dayCapOf(ctx.db, ctx.actor.teamId),
  ]);
  const of = (by: GroupRow["by"]) => rows.filter((row) => row.by === by);
  const total = of("total")[0];
  return {
    job_id: job.publicId,
    cap: {
      job_id: root.publicId,
      budget_usd: toUsd(root.budgetMicroUsd),
      spent_usd: toUsd(root.spentMicroUsd),
      reserved_usd: toUsd(root.reservedMicroUsd),
    },
    day,
    total: toLine(total ?? NO_COST),
    estimated_usd: toUsd(total?.estimated ?? 0n),
    by_role: of("role").map((row) => ({ role: row.role ?? "", ...toLine(row) })),
    by_model: of("model").map((row) => ({
      provider: row.provider ?? "",
      model: row.model ?? "",
      ...toLine(row),
    })),
    by_agent_run: of("agent_run").map((row) => ({
      job_id: row.public_id ?? "",
      run: row.run ?? 1,
      agent_run: row.agent_run,
      role: row.role ?? "",
      turns: row.turns,
      ...toLine(row),
    })),
    by_round: roundsOf(of("agent_run")),
    by_job: of("job").map((row) => ({
      job_id: row.public_id ?? "",
      title: row.title ?? "",
      kind: row.kind ?? "build",
      ...toLine(row),
    })),
    by_day: of("day").map((row) => ({ day: row.day ?? "", ...toLine(row) })),
  };
}

/** Dearest first, days and agent runs in their order. */
function groupsOf(db: Db, job: Job, whole: boolean): Promise<GroupRow[]> {
  const scope = whole
    ? Prisma.sql`s.root_job_id = ${job.id}::bigint`
    : Prisma.sql`s.job_id = ${job.id}::bigint`;
  return runStatement<GroupRow>(
    db,
    Prisma.sql`
      SELECT CASE
          WHEN GROUPING(s.day) = 0 THEN 'day' WHEN GROUPING(s.model) = 0 THEN 'model'
          WHEN GROUPING(s.agent_run) = 0 THEN 'agent_run' WHEN GROUPING(s.role) = 0 THEN 'role'
          WHEN GROUPING(j.public_id) = 0 THEN 'job' ELSE 'total' END AS by,
        s.role, s.provider, s.model, j.public_id, j.title, j.kind::text AS kind, s.run, s.agent_run, s.day::text AS day,
        count(DISTINCT s.turn)::int AS turns,
        COALESCE(sum(s.cost_micro) FILTER (WHERE s.state = 'estimated'), 0)::bigint AS estimated, ${SUMS}
      FROM spend s JOIN job j ON j.id = s.job_id
      WHERE ${scope} AND ${CHARGED}
      GROUP BY GROUPING SETS (
        (), (s.role), (s.provider, s.model), (j.public_id, s.run, s.agent_run, s.role), (j.public_id, j.title, j.kind), (s.day)
      )
      ORDER BY by, CASE WHEN GROUPING(s.agent_run) = 0 THEN min(s.id) END, s.day, cost DESC, s.role, s.model, j.public_id`,
  );
}

function roundsOf(rows: readonly GroupRow[]): JobCostsView["by_round"] {
  const rounds = new Map<string, GroupRow[]>();
  for (const row of rows) {
    const { task, round } = roundOf(row.agent_run);
    const key = JSON.stringify([row.public_id, row.run, task, round]);
    rounds.set(key, [...(rounds.get(key) ?? []), row]);
  }
  return [...rounds.values()].map((parts) => {
    const [first] = parts as [GroupRow];
    return {
      job_id: first.public_id ?? "",
      run: first.run ?? 1,
      ...roundOf(first.agent_run),
      ...toLine(addRows(parts)),
    };
  });
}
