// Event streams over HTTP. Pull-driven: a slow reader is not served faster than it reads, and is dropped when it
// stops; it resumes where it was. Access is asked again while the stream is open.
import { countStream } from "./open-streams";

/** What may wait unread. */
const BUFFER_BYTES = 64 * 1024;

const PING = new TextEncoder().encode(": ping\n\n");

/** Milliseconds; tests scale them. */
export interface StreamTimes {
  /** Between two questions whether the reader still has access. */
  recheck: number;
  /** Between two looks at what waits unread. */
  look: number;
  /** A reader that took nothing for so long while something waits is dropped. */
  stalled: number;
}
const TIMES: StreamTimes = { recheck: 15_000, look: 5_000, stalled: 30_000 };

export interface EventStream {
  /** Whose stream this is, for the cap. */
  user: string;
  requestId: string;
  /** The client's own signal: it went away. */
  signal: AbortSignal;
  /** Bytes to send; null = nothing to say, keep the line alive. */
  open(signal: AbortSignal): AsyncGenerator<Uint8Array | null, void, void>;
  stillAllowed(): Promise<boolean>;
  times?: Partial<StreamTimes> | undefined;
}

/**
 * The answer that carries the stream.
 * @throws AppError as countStream
 */
export function eventStreamResponse(stream: EventStream): Response {
  const times = { ...TIMES, ...stream.times };
  const end = new AbortController();
  const release = countStream(stream.user, () => end.abort());
  const stop = () => {
    release();
    end.abort();
  };
  stream.signal.addEventListener("abort", stop, { once: true });
  if (stream.signal.aborted) stop();
  const chunks = guarded(stream, times.recheck, end.signal);
  let watch: NodeJS.Timeout | undefined;
  let fullSince: number | null = null;
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        watch = setInterval(() => {
          if ((controller.desiredSize ?? 1) > 0) fullSince = null;
          else fullSince ??= performance.now();
          if (fullSince === null || performance.now() - fullSince < times.stalled) return;
          clearInterval(watch);
          stop();
          controller.error(new Error("The reader stopped reading."));
        }, times.look);
        watch.unref();
      },
      async pull(controller) {
        const next = await chunks.next();
        if (!next.done) return controller.enqueue(next.value);
        clearInterval(watch);
        stop();
        controller.close();
      },
      async cancel() {
        clearInterval(watch);
        stop();
        await chunks.return();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }),
  );
  return new Response(body, {
    headers: {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store, no-transform",
      "X-Accel-Buffering": "no",
      "X-Request-Id": stream.requestId,
    },
  });
}

async function* guarded(
  stream: EventStream,
  recheckMs: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  let asked = performance.now();
  yield new TextEncoder().encode("retry: 2000\n\n");
  for await (const bytes of stream.open(signal)) {
    if (performance.now() - asked >= recheckMs) {
      if (!(await stream.stillAllowed())) return;
      asked = performance.now();
    }
    yield bytes ?? PING;
  }
}
