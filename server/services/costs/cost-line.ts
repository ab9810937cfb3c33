// One line of a statement about costs: what all of them add up, and how it is said.
import type { CostLine } from "../../domain/costs";
import { toUsd } from "../../domain/money";
import { Prisma } from "../../generated/prisma/client";

/** A row of a statement that selects SUMS. */
export interface SummedRow {
  calls: number;
  input: bigint;
  output: bigint;
  cached: bigint;
  cost: bigint;
}

/** Columns of a grouped query over `spend s`. */
export const SUMS = Prisma.sql`count(*)::int AS calls,
  COALESCE(sum(s.input_tokens::bigint + s.cache_read_tokens + s.cache_write_tokens), 0)::bigint AS input,
  COALESCE(sum(s.output_tokens), 0)::bigint AS output, COALESCE(sum(s.cache_read_tokens), 0)::bigint AS cached,
  COALESCE(sum(s.cost_micro), 0)::bigint AS cost`;

/** Calls that were charged; the others are under way, or cost nothing. */
export const CHARGED = Prisma.sql`s.state IN ('settled', 'estimated')`;

export const NO_COST: SummedRow = { calls: 0, input: 0n, output: 0n, cached: 0n, cost: 0n };

/** The sum of several rows. */
export function addRows(rows: readonly SummedRow[]): SummedRow {
  return rows.reduce(
    (sum, row) => ({
      calls: sum.calls + row.calls,
      input: sum.input + row.input,
      output: sum.output + row.output,
      cached: sum.cached + row.cached,
      cost: sum.cost + row.cost,
    }),
    NO_COST,
  );
}

export const toLine = ({ calls, input, output, cached, cost }: SummedRow): CostLine => ({
  calls,
  input_tokens: Number(input),
  output_tokens: Number(output),
  cached_tokens: Number(cached),
  cost_usd: toUsd(cost),
});
