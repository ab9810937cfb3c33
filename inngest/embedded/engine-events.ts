/**
 * Makes events: those that senders post and those the engine says itself.
 */
import { z } from "zod";
import { canonicalize, canonicalObject, type Json } from "./canonical-json";
import type { EngineEvent } from "./engine-state";
import { createUlid } from "./ulid";

/** An event that cannot be accepted. */
export class EventError extends Error {}

const MAX_EVENTS = 5000;

const plainText = z
  .string()
  .max(256)
  .regex(/^[^\u0000-\u001f]*$/);

const eventSchema = z.object({
  name: plainText.min(1),
  data: z.record(z.string(), z.unknown()).nullish(),
  id: plainText.nullish(),
  ts: z.number().int().min(0).max(4_102_444_800_000).nullish(),
  v: z.string().nullish(),
  user: z.unknown().optional(),
  meta: z.unknown().optional(),
});

/**
 * Reads a posted body: one event or a list. Throws EventError.
 * @param seed the SDK's id seed; the same seed means the same events, so a repeated post changes nothing
 */
export function parseEvents(body: unknown, seed: string | undefined, nowMs: number): EngineEvent[] {
  const list = Array.isArray(body) ? body : [body];
  if (list.length > MAX_EVENTS) throw new EventError(`More than ${MAX_EVENTS} events in one request.`);
  return list.map((item, index) => {
    const parsed = eventSchema.safeParse(item);
    if (!parsed.success) throw new EventError(`Event ${index}: ${z.prettifyError(parsed.error)}`);
    const { name, data, id, ts, v, user, meta } = parsed.data;
    if (name.startsWith("inngest/")) throw new EventError(`The event name "${name}" is reserved.`);
    const internalId = createUlid(nowMs);
    const value = {
      name,
      data: data ?? {},
      id: id || internalId,
      ts: ts || nowMs,
      v: v || undefined,
      user,
      meta,
    };
    const bodyText = canonicalize(value);
    return {
      id: internalId,
      dedupe: id ? `id:${id}` : seed ? `seed:${seed.slice(0, 200)}:${index}` : null,
      name,
      body: bodyText,
      value: JSON.parse(bodyText) as Json,
      receivedAt: nowMs,
    };
  });
}

/** An event of the engine itself. `data` members are canonical JSON. */
export function makeEvent(
  name: string,
  data: Record<string, string | undefined>,
  nowMs: number,
): EngineEvent {
  const id = createUlid(nowMs);
  const body = canonicalObject({
    name: JSON.stringify(name),
    data: canonicalObject(data),
    id: JSON.stringify(id),
    ts: String(nowMs),
  });
  return { id, dedupe: null, name, body, value: JSON.parse(body) as Json, receivedAt: nowMs };
}
