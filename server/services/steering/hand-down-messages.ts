import type { Tx } from "../../db";
import type { NewJobEvent } from "../../domain/events";
import { appendEvents } from "../../events/append";
import type { Job } from "../../generated/prisma/client";

/**
 * What people said to a job and no model has read is said to its candidates as well: they do the work, and the job itself
 * may never ask again.
 * @param children just made; nobody works on them yet
 */
export async function handDownMessages(
  tx: Tx,
  parent: Pick<Job, "id" | "run">,
  children: readonly Pick<Job, "id" | "run">[],
): Promise<void> {
  const unread = await tx.jobMessage.findMany({
    where: { jobId: parent.id, run: parent.run, deliveredAt: null },
    orderBy: { id: "asc" },
    select: { author: true, text: true },
  });
  if (unread.length === 0) return;
  for (const { id, run } of children) {
    const events: NewJobEvent[] = [];
    // One after the other: their numbers are their order.
    for (const { author, text } of unread) {
      const said = await tx.jobMessage.create({ data: { jobId: id, run, author, text } });
      events.push({ type: "steer.sent", data: { message: String(said.id), author, text } });
    }
    await appendEvents(tx, id, events);
  }
}
