// The bar of a job that waits for its candidates moves with theirs. Looked at on a timer and not with each of their steps:
// nobody who moves on holds its parent's row, and many steps in a moment are one event.
import { type Db, runStatement } from "../../db";
import { SETTLED } from "../../domain/job-state";
import { candidatesProgress, type Step } from "../../domain/steps";
import { Prisma } from "../../generated/prisma/client";
import { raiseProgress } from "../jobs/set-step";

interface Waiting extends Record<string, unknown> {
  id: bigint;
  currentStep: Step;
  progress: number;
  iterations: number;
  candidates: { progress: number; over: boolean }[];
}

/**
 * Raises the progress of every job that waits for its candidates to what they have reached. Safe in several processes.
 * @returns how many went on
 */
export async function followCandidates(db: Db): Promise<number> {
  const waiting = await runStatement<Waiting>(
    db,
    Prisma.sql`
      SELECT p.id, p.current_step AS "currentStep", p.progress, p.iterations, jsonb_agg(jsonb_build_object(
        'progress', c.progress, 'over', c.state::text = ANY(${[...SETTLED]}::text[]))) AS candidates
      FROM job p JOIN job c ON c.parent_id = p.id AND c.parent_run = p.run AND c.candidate_n IS NOT NULL
      WHERE p.state = 'paused' AND p.waiting_code = 'children' AND p.current_step IS NOT NULL GROUP BY p.id`,
  );
  let raised = 0;
  for (const { candidates, ...parent } of waiting)
    if (await raiseProgress(db, parent, parent.currentStep, candidatesProgress(candidates))) raised++;
  return raised;
}
