// A command belongs to the job: whoever holds the lease executes it (invariant 6). Its key makes it run once per
// (job, run); asking again finds the row that is there.
import { createHash } from "node:crypto";
import type { CommandSpec } from "../../../runner/protocol";
import type { Db, Tx } from "../../db";
import { mapText, plainText } from "../../domain/plain-json";

/** Channel on which a job's worker waits for commands; the payload is the public job id. */
export const COMMAND_CHANNEL = "fabrica_command";

export interface NewCommands {
  /** Internal job id, its public id and its run. */
  job: { id: bigint; publicId: string; run: number };
  /** In the order in which they are to be carried out. */
  commands: readonly { key: string; spec: CommandSpec }[];
  /** Bound to the present lease: lost together with it instead of run again. */
  pinned?: boolean;
}

/** Inserts the commands whose keys are not there yet; one wake-up for all of them, one statement. */
export async function enqueueCommands(
  at: Db | Tx,
  { job, commands, pinned = false }: NewCommands,
): Promise<void> {
  const rows = JSON.stringify(
    commands.map(({ key, spec }) => ({
      id: commandId(job.publicId, job.run, key),
      key: plainText(key),
      spec: mapText(spec, plainText),
    })),
  );
  await at.$queryRaw`
    WITH inserted AS (
      INSERT INTO command (id, job_id, run, key, spec, pinned)
      SELECT c.item->>'id', ${job.id}, ${job.run}::int, c.item->>'key', c.item->'spec', ${pinned}
      FROM jsonb_array_elements(${rows}::jsonb) WITH ORDINALITY AS c(item, n) ORDER BY n
      ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT pg_notify(${COMMAND_CHANNEL}, ${job.publicId})::text WHERE EXISTS (SELECT 1 FROM inserted)`;
}

/** The id is derived from the key, so that a repeated step names the same command. */
export function commandId(publicId: string, run: number, key: string): string {
  return createHash("sha256").update(`${publicId}\n${run}\n${key}`).digest("base64url").slice(0, 22);
}
