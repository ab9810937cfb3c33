import type { CommandSpec } from "../../../runner/protocol";
import type { Db } from "../../db";
import { ANNOUNCED, appending } from "../../events/append";
import { type CommandState, Prisma } from "../../generated/prisma/client";
import { requireLease } from "../queue/held-lease";
import { commandTitle } from "./command-title";

/** Most commands handed out at once. */
const MAX_COMMANDS = 100;

export interface TakenCommand {
  command_id: string;
  spec: CommandSpec;
}

export interface TakeCommands {
  worker: string;
  job: string;
  fence: number;
  /** Commands that the worker has already. */
  known?: readonly string[];
}

interface Waiting {
  id: string | null;
  state: CommandState;
  spec: CommandSpec;
}

/**
 * Hands the queued commands of a leased job to its worker, in order. A command that was handed out under the same
 * fence, has no result and is not known to the worker is handed out again, for an answer that got lost on the way.
 * @throws AppError as requireLease
 */
export async function takeCommands(db: Db, take: TakeCommands): Promise<TakenCommand[]> {
  const waiting = await look(db, take);
  if (waiting.length === 0) await requireLease(db, take.worker, take.job, take.fence);
  const commands = waiting.filter((row): row is Waiting & { id: string } => row.id !== null);
  const fresh = commands.filter((command) => command.state === "queued");
  // Another look of the same worker may have taken them meanwhile; what is theirs now is found by looking again.
  if (fresh.length > 0 && !(await hand(db, take, fresh))) return takeCommands(db, take);
  return commands.map(({ id, spec }) => ({ command_id: id, spec }));
}

/** A look without a lock, because most looks find nothing; no row at all means that the lease does not hold. */
function look(db: Db, { worker, job, fence, known = [] }: TakeCommands): Promise<Waiting[]> {
  // What an earlier run of the job left in the queue belongs to a workspace that has gone on since.
  return db.$queryRaw<Waiting[]>`
    SELECT c.id, c.state, c.spec FROM job j
    LEFT JOIN command c ON c.job_id = j.id AND c.run = j.run
      AND (c.state = 'queued' OR (c.state = 'running' AND c.id <> ALL(${[...known]}::text[])))
    WHERE j.public_id = ${job} AND j.lease_worker_id = ${worker} AND j.fence = ${fence}
    ORDER BY c.position LIMIT ${MAX_COMMANDS}`;
}

/** False when one of them was no longer queued, or the lease is gone: then nothing is handed out. */
async function hand(
  db: Db,
  { worker, job, fence }: TakeCommands,
  fresh: readonly { id: string; spec: CommandSpec }[],
): Promise<boolean> {
  const ids = fresh.map((command) => command.id);
  const whole = Prisma.sql`SELECT id FROM held WHERE (SELECT count(*) FROM open) = ${ids.length}::int`;
  const events = fresh.map(({ id, spec }) => ({
    type: "command.started" as const,
    data: { command_id: id, title: commandTitle(spec) },
  }));
  const told = await db.$queryRaw<unknown[]>`
    WITH held AS (
      SELECT id, run FROM job
      WHERE public_id = ${job} AND lease_worker_id = ${worker} AND fence = ${fence} FOR UPDATE
    ), open AS (
      SELECT c.id FROM command c JOIN held ON held.id = c.job_id AND held.run = c.run
      WHERE c.id = ANY(${ids}::text[]) AND c.state = 'queued' FOR UPDATE OF c
    ), taken AS (
      UPDATE command SET state = 'running', fence = ${fence}::int, worker_id = ${worker}, started_at = now()
      WHERE id = ANY(${ids}::text[]) AND job_id IN (${whole})
    ), ${appending(whole, events)}
    ${ANNOUNCED}`;
  return told.length > 0;
}
