import type { OutputChunk } from "../../../runner/protocol";
import type { Db } from "../../db";
import { AppError } from "../../domain/errors";
import { appendEvents } from "../../events/append";
import { holdLease } from "../queue/held-lease";
import { redact } from "../redact";

export interface AppendOutput {
  worker: string;
  job: string;
  fence: number;
  command: string;
  chunks: readonly OutputChunk[];
}

/**
 * Stores streamed output. Chunks are taken by their sequence number: known ones are ignored, a gap is refused.
 * @throws AppError as holdLease; `not_found` (command of another job); `conflict` (a chunk is missing before these)
 */
export async function appendOutput(
  db: Db,
  { worker, job: publicId, fence, command, chunks }: AppendOutput,
): Promise<void> {
  await db.$transaction(async (tx) => {
    const job = await holdLease(tx, worker, publicId, fence);
    const row = await tx.command.findFirst({ where: { id: command, jobId: job.id, fence } });
    if (!row) throw new AppError("not_found", "There is no such command under this lease.");
    if (row.state !== "running") return;
    const fresh: OutputChunk[] = [];
    let next = row.nextChunk;
    for (const chunk of [...chunks].sort((a, b) => a.seq - b.seq)) {
      if (chunk.seq < next) continue;
      if (chunk.seq > next) throw new AppError("conflict", `Output chunk ${next} is missing.`);
      fresh.push(chunk);
      next++;
    }
    if (fresh.length === 0) return;
    await tx.command.update({ where: { id: command }, data: { nextChunk: next } });
    await appendEvents(
      tx,
      job.id,
      fresh.map((chunk) => ({
        type: "command.output",
        data: { command_id: command, stream: chunk.stream, text: redact(chunk.text) },
      })),
    );
  });
}
