// A command belongs to the job: whoever holds the lease executes it (invariant 6). Its key makes it run once per
// (job, run); asking again finds the row that is there.
import { createHash } from "node:crypto";
import type { CommandSpec } from "../../../runner/protocol";
import type { Tx } from "../../db";
import { mapText, plainText } from "../../domain/plain-json";
import type { Command } from "../../generated/prisma/client";

/** Channel on which a job's worker waits for commands; the payload is the public job id. */
export const COMMAND_CHANNEL = "fabrica_command";

export interface NewCommand {
  /** Internal job id, its public id and its run. */
  job: { id: bigint; publicId: string; run: number };
  key: string;
  spec: CommandSpec;
  /** Bound to the present lease: lost together with it instead of run again. */
  pinned?: boolean;
}

/** Inserts the command or finds the one with the same key. */
export async function enqueueCommand(
  tx: Tx,
  { job, key, spec, pinned = false }: NewCommand,
): Promise<Command> {
  const id = commandId(job.publicId, job.run, key);
  const inserted = await tx.command.createMany({
    data: [{ id, jobId: job.id, run: job.run, key, spec: mapText(spec, plainText), pinned }],
    skipDuplicates: true,
  });
  if (inserted.count > 0) await tx.$queryRaw`SELECT pg_notify(${COMMAND_CHANNEL}, ${job.publicId})::text`;
  return tx.command.findUniqueOrThrow({ where: { id } });
}

/** The id is derived from the key, so that a repeated step names the same command. */
export function commandId(publicId: string, run: number, key: string): string {
  return createHash("sha256").update(`${publicId}\n${run}\n${key}`).digest("base64url").slice(0, 22);
}
