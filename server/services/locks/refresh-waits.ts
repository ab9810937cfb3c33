// Writes down who waits for files and who does no longer. A row that is being written at this moment is skipped and not
// waited for, because its writer may wait for the project's lock; a claim or the sweep looks at it again.
import { runStatement, type Tx } from "../../db";
import { EXECUTING, JOB_STATES } from "../../domain/job-state";
import type { Waiting } from "../../domain/waiting";
import { Prisma } from "../../generated/prisma/client";
import { announceClaimable } from "../queue/announce-claimable";
import { fileNeeds, waitFor } from "./file-waits";
import type { HeldFiles } from "./held-files";
import { readHeldOf } from "./project-locks";

const WORKABLE = JOB_STATES.filter((state) => EXECUTING[state]);

interface Verdict {
  id: bigint;
  wait: Waiting | null;
}

/**
 * Holds back claimable jobs of a project that are in the way of what is held. Under the project's lock.
 * @param held what is held now
 * @param job only this one
 */
export async function holdBack(
  tx: Tx,
  project: bigint,
  held: HeldFiles,
  job: bigint | null = null,
): Promise<number> {
  const needs = await fileNeeds(
    tx,
    Prisma.sql`j.project_id = ${project}::bigint AND j.claimable AND (${job}::bigint IS NULL OR j.id = ${job}::bigint)`,
  );
  const verdicts = needs.map((need) => ({ id: need.id, wait: waitFor(need, held) }));
  return write(
    tx,
    verdicts.filter(({ wait }) => wait !== null),
  );
}

/**
 * Looks again at every job of a project that waits for files: it may be claimed, or it waits for another one now.
 * Under the project's lock. @returns for how many something changed
 */
export async function refreshFileWaits(tx: Tx, project: bigint): Promise<number> {
  const waiting = await runStatement<{ id: bigint }>(
    tx,
    Prisma.sql`SELECT id FROM job WHERE waiting_code = 'files' AND project_id = ${project}::bigint ORDER BY id`,
  );
  if (waiting.length === 0) return 0;
  const ids = waiting.map(({ id }) => id);
  const needs = await fileNeeds(tx, Prisma.sql`j.id = ANY(${ids}::bigint[])`);
  const held = await readHeldOf(tx, project);
  const waits = new Map(needs.map((need) => [need.id, waitFor(need, held)]));
  return write(
    tx,
    ids.map((id) => ({ id, wait: waits.get(id) ?? null })),
  );
}

/** @returns how many changed */
async function write(tx: Tx, verdicts: readonly Verdict[]): Promise<number> {
  if (verdicts.length === 0) return 0;
  const changed = await runStatement<{ claimable: boolean }>(
    tx,
    Prisma.sql`
      WITH looked AS MATERIALIZED (
        SELECT j.id, w.text, w.text IS NULL AND j.lease_until IS NULL
          AND j.state::text = ANY(${WORKABLE}::text[]) AS claimable
        FROM job j JOIN unnest(${verdicts.map(({ id }) => id)}::bigint[],
          ${verdicts.map(({ wait }) => wait?.text ?? null)}::text[]) AS w(id, text) ON w.id = j.id
        WHERE j.lease_worker_id IS NULL AND (j.waiting_code = 'files' OR j.claimable)
          AND (j.claimable OR j.waiting_reason IS DISTINCT FROM w.text OR w.text IS NULL)
        FOR UPDATE OF j SKIP LOCKED
      )
      UPDATE job j SET claimable = l.claimable, waiting_reason = l.text,
        waiting_code = CASE WHEN l.text IS NULL THEN NULL ELSE 'files' END
      FROM looked l WHERE j.id = l.id RETURNING j.claimable`,
  );
  if (changed.some((row) => row.claimable)) await announceClaimable(tx);
  return changed.length;
}
