// One event of a log as bytes of an event stream. JSON escapes every line break, so text stays one event.
import type { JobEvent } from "../domain/events";

export interface Frame {
  seq: number;
  bytes: Uint8Array;
}

interface EventRow {
  seq: number;
  run: number;
  type: string;
  data: unknown;
  at: Date;
}

const encoder = new TextEncoder();

/** The event as the API shows it. */
export function eventOf(row: EventRow): JobEvent {
  const { seq, run, type, data } = row;
  // The log is written by appendEvents alone, so a row has the shape of its type.
  return { seq, run, type, data, at: row.at.toISOString() } as JobEvent;
}

export function frameOf(row: EventRow): Frame {
  return { seq: row.seq, bytes: sseBytes(row.type, eventOf(row), row.seq) };
}

/** One server-sent event. Without `id` the browser keeps the last one for its next try. */
export function sseBytes(event: string, data: unknown, id?: number): Uint8Array {
  const head = id === undefined ? "" : `id: ${id}\n`;
  return encoder.encode(`${head}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
