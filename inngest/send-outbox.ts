// Sends what the outbox holds (invariant 5). The row's id is the event's id, so sending twice has one effect; a row
// leaves the outbox only after the engine has accepted it.
import type { Db } from "@/server/db";
import { log } from "@/server/log";
import { inngest } from "./client";

const BATCH = 100;

/**
 * Sends everything that is unsent, in order. Several processes may do it at once.
 * @returns how many events were accepted
 * @throws when the engine cannot be reached; the rows stay
 */
export async function sendOutbox(db: Db): Promise<number> {
  let sent = 0;
  for (;;) {
    // Locked for a moment, because that is a write and is waited for: what leaves this database is durable in it before,
    // also what a claim wrote without waiting.
    const rows = await db.$queryRaw<{ id: string; name: string; data: Record<string, unknown> }[]>`
      SELECT id, name, data FROM outbox WHERE sent_at IS NULL ORDER BY created_at LIMIT ${BATCH} FOR NO KEY UPDATE`;
    if (rows.length === 0) return sent;
    await inngest.send(rows.map(({ id, name, data }) => ({ id, name, data })));
    const ids = rows.map((row) => row.id);
    await db.$executeRaw`UPDATE outbox SET sent_at = now() WHERE id = ANY(${ids}::text[])`;
    sent += rows.length;
    log.debug({ events: rows.map((row) => row.name) }, "sent to the engine");
  }
}
