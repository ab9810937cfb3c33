// Engine events are written with the row that causes them and sent after commit (inngest/send-outbox.ts).
import { randomUUID } from "node:crypto";
import type { Tx } from "../../db";
import type { EngineEvents } from "../../domain/engine-events";
import { mapText, plainText } from "../../domain/plain-json";

/** Channel that wakes the sender. */
export const OUTBOX_CHANNEL = "fabrica_outbox";

/**
 * Writes an engine event to the outbox.
 * @param id makes the event unique for the engine, so that sending it twice has one effect
 */
export async function addToOutbox<N extends keyof EngineEvents>(
  tx: Tx,
  name: N,
  data: EngineEvents[N],
  id: string = randomUUID(),
): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO outbox (id, name, data) VALUES (${id}, ${name}, ${JSON.stringify(mapText(data, plainText))}::jsonb)
    ON CONFLICT (id) DO NOTHING`;
  await tx.$queryRaw`SELECT pg_notify(${OUTBOX_CHANNEL}, '')::text`;
}
