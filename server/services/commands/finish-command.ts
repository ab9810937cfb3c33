import type { CommandResult, CommandSpec } from "../../../runner/protocol";
import type { Db } from "../../db";
import { AppError } from "../../domain/errors";
import { appendEvents } from "../../events/append";
import type { CommandState } from "../../generated/prisma/client";
import { addToOutbox } from "../outbox/add-to-outbox";
import { holdLease } from "../queue/held-lease";
import { redactAll } from "../redact";

/** Channel on which finished commands are announced; the payload is the command id. */
export const FINISHED_CHANNEL = "fabrica_finished";

export interface FinishCommand {
  worker: string;
  job: string;
  fence: number;
  command: string;
  result: CommandResult;
}

/** The few columns that matter here; a row carries the whole of a command's input and output. */
interface OpenCommand {
  state: CommandState;
  pinned: boolean;
  awaited: boolean;
  kind: CommandSpec["kind"];
}

/**
 * Stores the one result of a command. A second result is answered like the first and changes nothing.
 * @throws AppError as holdLease; `not_found` (command of another job or lease)
 */
export async function finishCommand(
  db: Db,
  { worker, job: publicId, fence, command, result }: FinishCommand,
): Promise<void> {
  await db.$transaction(async (tx) => {
    const job = await holdLease(tx, worker, publicId, fence);
    const [row] = await tx.$queryRaw<OpenCommand[]>`
      SELECT state, pinned, awaited, spec->>'kind' AS kind FROM command
      WHERE id = ${command} AND job_id = ${job.id} AND fence = ${fence} FOR UPDATE`;
    if (!row) throw new AppError("not_found", "There is no such command under this lease.");
    if (row.state === "finished") return;
    const clean = redactAll(result);
    await tx.command.updateMany({
      where: { id: command },
      data: { state: "finished", result: clean, finishedAt: new Date() },
    });
    // A snapshot of a turn moves the head together with the turn's observations, any other one here.
    if (result.snapshot && !row.pinned && row.kind === "snapshot") {
      await tx.job.update({ where: { id: job.id }, data: { headCommit: result.snapshot.commit } });
    }
    await appendEvents(tx, job.id, [
      {
        type: "command.finished",
        data: {
          command_id: command,
          exit_code: result.exit_code,
          duration_ms: Math.round(result.duration_ms),
          note: resultNote(clean),
        },
      },
    ]);
    if (row.awaited) {
      await addToOutbox(tx, "command/finished", { job: job.publicId, command }, `finished:${command}`);
    }
    await tx.$queryRaw`SELECT pg_notify(${FINISHED_CHANNEL}, ${command})::text`;
  });
}

/** What was special about an end, in words; null when nothing was. */
export function resultNote(result: CommandResult): string | null {
  if (result.failure) return result.failure;
  const notes: string[] = [];
  if (result.timed_out) notes.push("stopped at its time limit");
  if (result.out_of_memory === "yes") notes.push("ran out of memory");
  if (result.out_of_memory === "possibly") notes.push("possibly ran out of memory");
  if (result.killed && !result.timed_out) notes.push("was killed");
  if (result.capped) notes.push(`output was cut, ${result.dropped_bytes} bytes dropped`);
  if (result.leftovers > 0) notes.push(`left ${result.leftovers} processes behind, which were killed`);
  return notes.length > 0 ? notes.join("; ") : null;
}
