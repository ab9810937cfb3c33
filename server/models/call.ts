// What every provider over a network needs: one deadline for the whole call, and a reading of Retry-After.
import { ModelError, type Usage } from "./port";

/** Usage of a call that was not made, or that was refused before it began. */
export const NOTHING: Usage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };

const UNSENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/**
 * Runs `work` with a signal that ends it after `timeoutMs` or when `signal` is aborted, and tells the two apart.
 * @throws ModelError `timeout` at the deadline, `network` when it was stopped; else what `work` threw
 */
export async function withDeadline<T>(
  signal: AbortSignal,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  const either = AbortSignal.any([signal, deadline.signal]);
  try {
    if (signal.aborted)
      throw new ModelError("network", "The call was stopped before it began.", null, NOTHING);
    return await work(either);
  } catch (error) {
    if (!either.aborted) throw error;
    const usage = error instanceof ModelError ? error.usage : null;
    if (signal.aborted && !ranOut(signal))
      throw new ModelError("network", "The call was stopped before its answer was complete.", null, usage);
    throw new ModelError(
      "timeout",
      "The model did not answer in the time that a call may take.",
      null,
      usage,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a caller's own clock stopped the call, which is a deadline like ours. */
function ranOut(signal: AbortSignal): boolean {
  return signal.reason instanceof DOMException && signal.reason.name === "TimeoutError";
}

/**
 * What is charged for a request that never reached the server, as far as the error tells: nothing; null when it may
 * have arrived.
 */
export function chargedUnsent(error: unknown): Usage | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code && UNSENT.has(code)) return NOTHING;
  }
  return null;
}

/**
 * Milliseconds that a server asks to wait (`retry-after-ms`, or `retry-after` as seconds or as a date), else null.
 * Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function retryAfterMs(headers: Headers | undefined, now: number = Date.now()): number | null {
  const exact = Number(headers?.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(exact) && exact >= 0) return Math.ceil(exact);
  const text = headers?.get("retry-after");
  if (!text) return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return seconds >= 0 ? Math.ceil(seconds * 1000) : null;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** Sentence that asks for a tool, for models that cannot be made to call one. */
export function forcingSentence(tool: string): string {
  return `Answer now by calling the tool "${tool}", and with nothing else.`;
}
