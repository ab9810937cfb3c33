// Texts of jobs that ended long ago are removed: what commands printed after OUTPUT_DAYS, what agents were asked and
// answered after TRANSCRIPT_DAYS, in the log as well. Rows, figures, results and checks stay. A mark says how far a sweep has come
// in the order in which jobs ended; whoever holds it sweeps, so that two processes do not do the same work.
import { type Db, runStatement, type Tx } from "../../db";
import { env } from "../../env";
import { Prisma } from "../../generated/prisma/client";

/** Jobs of one transaction. */
const BATCH = 20;
/** Transactions of one sweep; the next one goes on from there. */
const MOST_BATCHES = 50;

export interface KeptDays {
  output: number;
  transcript: number;
}

type Kind = keyof KeptDays;

const REMOVE: Record<Kind, (tx: Tx, jobs: readonly bigint[]) => Promise<void>> = {
  output: removeOutput,
  transcript: removeTranscripts,
};

/** @returns how many jobs were gone through */
export async function sweepRetention(db: Db, days: KeptDays = settingsDays()): Promise<number> {
  let count = 0;
  for (const kind of ["output", "transcript"] as const) {
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const swept = await db.$transaction((tx) => sweepBatch(tx, kind, days[kind]));
      count += swept;
      if (swept < BATCH) break;
    }
  }
  return count;
}

const settingsDays = (): KeptDays => ({ output: env().OUTPUT_DAYS, transcript: env().TRANSCRIPT_DAYS });

/** The next jobs in line; a job that is begun again meanwhile is left alone, and comes again when it has ended again. */
async function sweepBatch(tx: Tx, kind: Kind, days: number): Promise<number> {
  const [mark] = await runStatement<{ completed_at: Date; job_id: bigint }>(
    tx,
    Prisma.sql`SELECT completed_at, job_id FROM retention_mark WHERE kind = ${kind} FOR UPDATE SKIP LOCKED`,
  );
  if (!mark) return 0;
  const ended = await runStatement<{ id: bigint }>(
    tx,
    Prisma.sql`
    SELECT id FROM job WHERE completed_at IS NOT NULL
      AND (completed_at, id) > (${mark.completed_at}::timestamptz, ${mark.job_id}::bigint)
      AND completed_at < now() - make_interval(secs => ${days * 86_400}::float8)
    ORDER BY completed_at, id LIMIT ${BATCH}::int FOR UPDATE`,
  );
  const last = ended.at(-1);
  if (!last) return 0;
  await REMOVE[kind](
    tx,
    ended.map(({ id }) => id),
  );
  await tx.$executeRaw`
    UPDATE retention_mark SET job_id = ${last.id}::bigint,
      completed_at = (SELECT completed_at FROM job WHERE id = ${last.id}::bigint)
    WHERE kind = ${kind}`;
  return ended.length;
}

const NO_OUTPUT = JSON.stringify({ stdout: "", stderr: "" });

async function removeOutput(tx: Tx, jobs: readonly bigint[]): Promise<void> {
  await tx.$executeRaw`
    UPDATE command SET result = result || ${NO_OUTPUT}::jsonb, held_stdout = '', held_stderr = '',
      spec = CASE WHEN spec ->> 'stdin' <> '' THEN jsonb_set(spec, '{stdin}', '""') ELSE spec END
    WHERE job_id = ANY(${jobs}::bigint[]) AND result IS NOT NULL`;
  await emptyEvents(tx, jobs, ["command.output"]);
}

/** Events stay, one number after the other; what was said in them goes. */
async function emptyEvents(tx: Tx, jobs: readonly bigint[], types: readonly string[]): Promise<void> {
  await tx.$executeRaw`
    UPDATE job_event SET data = jsonb_set(data, '{text}', '""')
    WHERE job_id = ANY(${jobs}::bigint[]) AND type = ANY(${types}::text[]) AND data ? 'text'`;
}

async function removeTranscripts(tx: Tx, jobs: readonly bigint[]): Promise<void> {
  await tx.$executeRaw`
    UPDATE turn SET observations = '[]', nudge = NULL, answer = jsonb_build_object(
      'text', '', 'calls', '[]'::jsonb, 'stop', answer -> 'stop', 'usage', answer -> 'usage',
      'model', answer -> 'model', 'expired', true)
    WHERE agent_run_id IN (SELECT id FROM agent_run WHERE job_id = ANY(${jobs}::bigint[]))`;
  await tx.$executeRaw`
    UPDATE agent_run SET prompt = '{"expired": true}' WHERE job_id = ANY(${jobs}::bigint[])`;
  await emptyEvents(tx, jobs, ["agent.text", "agent.observed"]);
}
