// Why a job that rests until its candidates are over still waits: how many are, and what keeps the others.
import { type Db, runStatement } from "../../db";
import { isWaitingCode, type Waiting } from "../../domain/waiting";
import { Prisma } from "../../generated/prisma/client";

interface Counted {
  id: bigint;
  over: number;
  count: number;
  resting: number;
  code: string | null;
  reason: string | null;
}

/**
 * @param parents internal ids of jobs that wait for their candidates
 * @returns by internal id. When all that are open rest, it is their reason, for then somebody has to do something.
 */
export async function childWaits(db: Db, parents: readonly bigint[]): Promise<Map<bigint, Waiting>> {
  if (parents.length === 0) return new Map();
  const rows = await runStatement<Counted>(
    db,
    Prisma.sql`
      SELECT p.id, count(*)::int AS count,
        count(*) FILTER (WHERE c.state IN ('completed', 'failed', 'cancelled'))::int AS over,
        count(*) FILTER (WHERE c.state = 'paused')::int AS resting,
        (array_agg(c.waiting_code ORDER BY c.candidate_n) FILTER (WHERE c.state = 'paused'))[1] AS code,
        (array_agg(c.waiting_reason ORDER BY c.candidate_n) FILTER (WHERE c.state = 'paused'))[1] AS reason
      FROM job p JOIN job c ON c.parent_id = p.id AND c.parent_run = p.run AND c.candidate_n IS NOT NULL
      WHERE p.id = ANY(${[...parents]}::bigint[]) GROUP BY p.id`,
  );
  return new Map(rows.map((row) => [row.id, waitOf(row)]));
}

function waitOf({ over, count, resting, code, reason }: Counted): Waiting {
  const open = count - over;
  if (open > 0 && resting === open)
    return {
      code: isWaitingCode(code) ? code : "paused",
      text: `its candidates rest${reason ? `: ${reason.replace(/\.$/, "")}` : " until somebody lets them go on"}`,
    };
  const some = resting > 0 ? `, ${resting} ${resting === 1 ? "rests" : "rest"}` : "";
  return {
    code: "children",
    text: `waits for its candidates: ${over} of ${count} ${over === 1 ? "is" : "are"} over${some}`,
  };
}
