// What a team has paid within some days, by day, role, model, provider, project or job.
import type { Ctx } from "../../context";
import { runStatement } from "../../db";
import { type CostGroup, MAX_COST_DAYS, type TeamCostsInput, type TeamCostsView } from "../../domain/costs";
import { AppError } from "../../domain/errors";
import { Prisma } from "../../generated/prisma/client";
import { addRows, CHARGED, SUMS, type SummedRow, toLine } from "./cost-line";
import { dayCapOf } from "./day-cap";

/** Rows that are named; what is beyond is summed up. More than there are days in an answer. */
const NAMED = 400;
const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;

interface NamedRow extends SummedRow {
  key: string | null;
  label: string | null;
}

/** Key and label of each grouping; `s` is the call, `r` its root job, `p` the root's project. */
const GROUPS: Record<CostGroup, { key: Prisma.Sql; label: Prisma.Sql }> = {
  day: { key: Prisma.sql`s.day::text`, label: Prisma.sql`s.day::text` },
  role: { key: Prisma.sql`s.role`, label: Prisma.sql`s.role` },
  model: { key: Prisma.sql`s.provider || '/' || s.model`, label: Prisma.sql`s.provider || '/' || s.model` },
  provider: { key: Prisma.sql`s.provider`, label: Prisma.sql`s.provider` },
  project: { key: Prisma.sql`p.name`, label: Prisma.sql`COALESCE(p.name, 'without a project')` },
  job: { key: Prisma.sql`r.public_id`, label: Prisma.sql`r.title` },
};

/** @throws AppError `bad_request` for days that make no range */
export async function teamCosts({ ctx, input }: { ctx: Ctx; input: TeamCostsInput }): Promise<TeamCostsView> {
  const { from, to } = rangeOf(input, new Date());
  const { key, label } = GROUPS[input.by];
  const order = input.by === "day" ? Prisma.sql`1` : Prisma.sql`cost DESC, 1`;
  const [rows, day] = await Promise.all([
    runStatement<NamedRow>(
      ctx.db,
      Prisma.sql`
        SELECT ${key} AS key, ${label} AS label, ${SUMS}
        FROM spend s JOIN job r ON r.id = s.root_job_id LEFT JOIN project p ON p.id = r.project_id
        WHERE s.team_id = ${ctx.actor.teamId}::bigint AND s.day BETWEEN ${from}::date AND ${to}::date AND ${CHARGED}
        GROUP BY 1, 2 ORDER BY ${order}`,
    ),
    dayCapOf(ctx.db, ctx.actor.teamId),
  ]);
  const rest = rows.slice(NAMED);
  return {
    from,
    to,
    by: input.by,
    rows: rows.slice(0, NAMED).map((row) => ({ key: row.key, label: row.label ?? "", ...toLine(row) })),
    others: rest.length > 0 ? toLine(addRows(rest)) : null,
    total: toLine(addRows(rows)),
    day,
  };
}

function rangeOf(input: TeamCostsInput, now: Date): { from: string; to: string } {
  const span = (DEFAULT_DAYS - 1) * DAY_MS;
  const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const to = input.to ?? (input.from === undefined ? dayOf(now.getTime()) : dayOf(laterOf(input.from, now)));
  const from = input.from ?? dayOf(Date.parse(to) - span);
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
  if (days > MAX_COST_DAYS)
    throw new AppError("bad_request", `from: at most ${MAX_COST_DAYS} days in one answer; give to as well.`);
  return { from, to };
}

/** Until now, or that one day when it has not come yet. */
const laterOf = (from: string, now: Date) => Math.max(Date.parse(from), now.getTime());
