// What every provider over a network needs: one deadline for the whole call, bounds on what comes back, and a reading
// of Retry-After.
import { z } from "zod";
import { type ModelAnswer, ModelError, type Usage } from "./port";

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

/** Bytes of an answer, and of one line of it: far more than any has, far less than would fill the memory or the time. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const NEWLINE = 10;

/** A fetch that follows no redirect, which would take the key along, and breaks a body off that has no end. */
export const boundedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, { ...init, redirect: "error" });
  if (!response.body) return response;
  let bytes = 0;
  let line = 0;
  const bounded = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      const end = chunk.lastIndexOf(NEWLINE);
      line = end < 0 ? line + chunk.byteLength : chunk.byteLength - end - 1;
      if (bytes > MAX_BYTES || line > MAX_LINE_BYTES) controller.error(new Error("The answer has no end."));
      else controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(bounded), { status, statusText, headers });
};

/** No tokenizer puts more characters into a token, but for runs of blanks, for which there is the rest. */
const MOST_CHARS_A_TOKEN = 32;
const MORE_CHARS = 100_000;

/** Counts what streams in. Throws ModelError `malformed` once it is more than the allowed tokens can be. */
export function charCounter(maxTokens: number, charged: () => Usage | null): (text: unknown) => void {
  let left = maxTokens * MOST_CHARS_A_TOKEN + MORE_CHARS;
  return (text) => {
    // What is no text is found out at the end.
    left -= typeof text === "string" ? text.length : 1;
    if (left < 0)
      throw new ModelError(
        "malformed",
        "The answer is longer than its limit of tokens allows.",
        null,
        charged(),
      );
  };
}

const tokens = z.number().int().min(0).max(2_147_483_647);
const usageSchema = z.object({ input: tokens, output: tokens, cacheRead: tokens, cacheWrite: tokens });
const callSchema = z.object({
  id: z.string().min(1).max(200),
  name: z.string().min(1).max(200),
  input: z.unknown(),
});
const answerSchema = z.object({
  text: z.string(),
  calls: z.array(callSchema),
  model: z.string(),
  usage: usageSchema,
});

/**
 * The answer, when everything in it is of the type that it should be: what a server sends is nobody's promise.
 * @throws ModelError `malformed`; its usage is what was charged, null when even that cannot be read
 */
export function checkedAnswer(answer: ModelAnswer): ModelAnswer {
  const usage = usageSchema.safeParse(answer.usage);
  const charged = usage.success ? usage.data : null;
  const parsed = answerSchema.safeParse(answer);
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.join(".") ?? "it";
    throw new ModelError("malformed", `The answer is not as it should be: ${where} is wrong.`, null, charged);
  }
  if (new Set(answer.calls.map(({ id }) => id)).size < answer.calls.length)
    throw new ModelError("malformed", "Two calls of the answer have the same id.", null, charged);
  return answer;
}

/** Sentence that asks for a tool, for models that cannot be made to call one. */
export function forcingSentence(tool: string): string {
  return `Answer now by calling the tool "${tool}", and with nothing else.`;
}
