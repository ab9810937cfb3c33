// The result of a check, stored once under its key, with its event.
import { type Db, runStatement } from "../db";
import type { NewJobEvent } from "../domain/events";
import { ANNOUNCED, appending } from "../events/append";
import { type Job, Prisma } from "../generated/prisma/client";
import type { StepChange } from "../services/jobs/set-step";
import { redactAll } from "../services/redact";
import type { StoredTests } from "./checks";

export interface Check {
  kind: "lint" | "test" | "verify" | "held_back" | "review" | "deploy";
  passed: boolean;
  report: unknown;
  summary: string;
  key: string;
  task: number | null;
}

/** Stores a check's result once, with its event and the step that follows it. */
export async function storeCheck(
  db: Db,
  job: Job,
  { key, kind, passed, report, summary, task }: Check,
  next: StepChange = { events: [], set: Prisma.empty },
): Promise<void> {
  const clean = JSON.stringify(redactAll(report));
  const finished: NewJobEvent = {
    type: "check.finished",
    data: { kind, task, passed, summary: summary.slice(0, 500) },
  };
  const results =
    // What is known of the base is nothing that the job came to.
    kind === "test" && task !== null
      ? Prisma.sql`, test_results = ${JSON.stringify(totalsOf(report as StoredTests))}::jsonb`
      : Prisma.empty;
  await runStatement(
    db,
    Prisma.sql`
    WITH made AS (
      INSERT INTO check_run (job_id, run, key, kind, passed, report)
      VALUES (${job.id}, ${job.run}::int, ${key}, ${kind}, ${passed}, ${clean}::jsonb)
      ON CONFLICT DO NOTHING RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM made`, [finished, ...next.events], Prisma.sql`${results} ${next.set}`)}
    ${ANNOUNCED}`,
  );
}

const totalsOf = ({ passed, failed, skipped }: StoredTests) => ({
  passed,
  failed,
  skipped,
  total: passed + failed + skipped,
});
