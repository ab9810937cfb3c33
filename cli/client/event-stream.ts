/**
 * Follows a job's events over server-sent events. Invariant: every event once and in order, across broken
 * connections: after each break the stream is resumed behind the last event seen.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type ApiClient, ApiError } from "./api";

const RETRY_MS = 500;
const MAX_EVENT_CHARS = 2_000_000;

/** One event as it came. */
export interface StreamEvent {
  /** Sequence number in the job's log. */
  id: string;
  type: string;
  /** Parsed JSON. */
  data: unknown;
}

/** Reads one event block of the wire format; comments and blocks without data answer null. */
export function parseEvent(block: string): StreamEvent | null {
  let id = "";
  let type = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") id = value;
    if (field === "event") type = value;
    if (field === "data") data.push(value);
  }
  if (data.length === 0) return null;
  try {
    return { id, type, data: JSON.parse(data.join("\n")) };
  } catch {
    return null;
  }
}

async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  // Node's web streams can be iterated; the DOM's type does not say so.
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    rest = (rest + decoder.decode(chunk, { stream: true })).replace(/\r\n?/g, "\n");
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    if (rest.length > MAX_EVENT_CHARS) throw new Error("An event is too large.");
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) yield event;
    }
  }
}

/**
 * Follows the events of `path` until `signal` is aborted.
 * @throws ApiError when the app refuses for good (4xx)
 */
export async function* followEvents(
  client: ApiClient,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  let last = "";
  while (!signal.aborted) {
    try {
      const headers = { accept: "text/event-stream", ...(last && { "last-event-id": last }) };
      for await (const event of readEvents(await client.stream(path, headers, signal))) {
        if (signal.aborted) return;
        if (event.id) last = event.id;
        yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      // Anything else is an app that restarts or a cut line: it comes back.
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
    }
    await pause(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}
