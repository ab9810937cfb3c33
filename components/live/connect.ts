// One stream connection that looks after itself: it resumes after the last message it saw, waits longer after
// each failure, and treats silence as a broken line. Whoever shares a connection between tabs replaces only this.
import { frameReader, type StreamMessage } from "./frames";

export type LineState = "connecting" | "live" | "reconnecting" | "stale";

export interface Line {
  close(): void;
}

export interface LineHandlers {
  onMessage(message: StreamMessage): void;
  onState(state: LineState): void;
  /** Answers whether the line may stay down after the server ended it, e.g. when nothing more can come. */
  isOver?(): boolean;
}

/** The server sends a comment at least this often; more silence than this means that the line is dead. */
const SILENCE_MS = 45_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** Down for so long, what is shown is called stale. */
const STALE_AFTER_FAILURES = 4;

/**
 * Opens `url` and keeps it open until `close`.
 * @param lastId id of the last message that is known already; empty to begin at the beginning
 */
export function connect(url: string, handlers: LineHandlers, lastId = ""): Line {
  const closing = new AbortController();
  void keepOpen(url, { lastId }, handlers, closing.signal);
  return { close: () => closing.abort() };
}

async function keepOpen(
  url: string,
  position: { lastId: string },
  handlers: LineHandlers,
  closed: AbortSignal,
): Promise<void> {
  let failures = 0;
  handlers.onState("connecting");
  while (!closed.aborted) {
    const began = await readOnce(url, position, handlers, closed);
    if (closed.aborted) return;
    if (handlers.isOver?.()) return handlers.onState("live");
    if (began === "refused") return handlers.onState("stale");
    failures = began === "read" ? 1 : failures + 1;
    handlers.onState(failures >= STALE_AFTER_FAILURES ? "stale" : "reconnecting");
    await pause(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1)), closed);
  }
}

/** Reads until the line ends. `refused`: asking again cannot help. */
async function readOnce(
  url: string,
  position: { lastId: string },
  handlers: LineHandlers,
  closed: AbortSignal,
): Promise<"read" | "failed" | "refused"> {
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  closed.addEventListener("abort", stop);
  let watchdog = setTimeout(stop, SILENCE_MS);
  let began = false;
  try {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (position.lastId) headers["Last-Event-ID"] = position.lastId;
    const response = await fetch(url, { headers, signal: attempt.signal, cache: "no-store" });
    if (response.status === 401 || response.status === 403 || response.status === 404) return "refused";
    if (!response.ok || !response.body) return "failed";
    began = true;
    handlers.onState("live");
    const frames = frameReader();
    const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await text.read(); !piece.done; piece = await text.read()) {
      clearTimeout(watchdog);
      watchdog = setTimeout(stop, SILENCE_MS);
      for (const message of frames.push(piece.value)) {
        if (message.id) position.lastId = message.id;
        handlers.onMessage(message);
      }
    }
    return "read";
  } catch {
    // A cut line is ordinary; the caller shows it and tries again.
    return began ? "read" : "failed";
  } finally {
    clearTimeout(watchdog);
    closed.removeEventListener("abort", stop);
  }
}

/** Waits, but not longer than until the browser is online again or the line is closed. */
function pause(ms: number, closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    window.addEventListener("online", done);
    closed.addEventListener("abort", done, { once: true });
  });
}
