import type { CommandSpec } from "../../../runner/protocol";
import type { Db } from "../../db";
import { appendEvents } from "../../events/append";
import { holdLease } from "../queue/held-lease";
import { commandTitle } from "./command-title";

export interface TakenCommand {
  command_id: string;
  spec: CommandSpec;
}

/**
 * Hands the queued commands of a leased job to its worker, in order. A command that was handed out under the same
 * fence and has no result is handed out again, for an answer that got lost on the way.
 * @throws AppError as holdLease
 */
export async function takeCommands(
  db: Db,
  { worker, job: publicId, fence }: { worker: string; job: string; fence: number },
): Promise<TakenCommand[]> {
  if (await hasNone(db, worker, publicId, fence)) return [];
  return db.$transaction(async (tx) => {
    const job = await holdLease(tx, worker, publicId, fence);
    const waiting = await tx.command.findMany({
      // What an earlier run of the job left in the queue belongs to a workspace that has gone on since.
      where: { jobId: job.id, run: job.run, state: { in: ["queued", "running"] } },
      orderBy: { position: "asc" },
      take: 100,
    });
    const fresh = waiting.filter((command) => command.state === "queued");
    if (fresh.length > 0) {
      await tx.command.updateMany({
        where: { id: { in: fresh.map((command) => command.id) } },
        data: { state: "running", fence, workerId: worker, startedAt: new Date() },
      });
      await appendEvents(
        tx,
        job.id,
        fresh.map((command) => ({
          type: "command.started",
          data: { command_id: command.id, title: commandTitle(command.spec as CommandSpec) },
        })),
      );
    }
    return waiting.map((command) => ({ command_id: command.id, spec: command.spec as CommandSpec }));
  });
}

/** A look without a lock, because most looks find nothing. A lease that does not hold is left to the refusal above. */
async function hasNone(db: Db, worker: string, publicId: string, fence: number): Promise<boolean> {
  const rows = await db.$queryRaw<{ waiting: boolean }[]>`
    SELECT EXISTS (
      SELECT 1 FROM command c WHERE c.job_id = j.id AND c.run = j.run AND c.state IN ('queued', 'running')
    ) AS waiting
    FROM job j WHERE j.public_id = ${publicId} AND j.lease_worker_id = ${worker} AND j.fence = ${fence}`;
  return rows[0]?.waiting === false;
}
