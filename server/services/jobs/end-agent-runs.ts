import type { JobState } from "../../domain/job-state";
import { Prisma } from "../../generated/prisma/client";

/** Ends of a run that its agents do not survive. A completed job has none left, a paused one goes on with them. */
const ENDS_AGENTS: readonly string[] = ["failed", "cancelled", "escalated"] satisfies JobState[];

/** The agent runs that end with a move to `target`, as a part of the move's own statement (`old`, `moved`). */
export function agentRunsEnd(target: JobState | "resume"): Prisma.Sql[] {
  if (!ENDS_AGENTS.includes(target)) return [];
  return [
    Prisma.sql`agents_ended AS (
      UPDATE agent_run a SET state = 'failed', ended_at = now(),
        result = jsonb_build_object('failed', 'the job was ' || m.state)
      FROM moved m JOIN old ON old.id = m.id WHERE a.job_id = m.id AND a.run = old.run AND a.state = 'running')`,
  ];
}
