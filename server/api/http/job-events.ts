// GET /api/v1/jobs/{id}/events: the log of one job, resumable by the last event id.
import { type Db, db as processDb } from "../../db";
import { AppError } from "../../domain/errors";
import { jobRef } from "../../domain/inputs";
import { type WatchJob, watchJob } from "../../services/jobs/watch-job";
import { errorResponse, toAppError } from "../errors";
import { requestIdOf } from "../request-context";
import { eventStreamResponse, type StreamTimes } from "./sse";
import { stillThere, streamIdentity } from "./stream-identity";

export interface StreamOptions extends Pick<WatchJob, "listener" | "idleMs"> {
  db?: Db;
  times?: Partial<StreamTimes>;
}

/** Never throws. */
export async function handleJobEvents(
  request: Request,
  id: string,
  { db = processDb(), times, ...how }: StreamOptions = {},
): Promise<Response> {
  const requestId = requestIdOf(request.headers);
  try {
    const identity = await streamIdentity(db, request, ["after"]);
    const input = { ...jobRef.parse({ id }), after: positionOf(request) };
    const leaving = new AbortController();
    const { resync, batches } = await watchJob({
      ctx: { db, actor: identity.actor },
      input,
      signal: leaving.signal,
      ...how,
    });
    return eventStreamResponse({
      user: String(identity.actor.userId),
      requestId,
      signal: request.signal,
      stillAllowed: () => stillThere(db, request, identity),
      times,
      async *open(signal) {
        signal.addEventListener("abort", () => leaving.abort(), { once: true });
        if (signal.aborted) leaving.abort();
        if (resync) yield RESYNC;
        for await (const batch of batches) {
          if (batch.length === 0) yield null;
          else yield* chunksOf(batch);
        }
      },
    });
  } catch (error) {
    return errorResponse(toAppError(error, requestId), requestId);
  }
}

/** What is joined into one chunk; a batch of long outputs may be far larger. */
const CHUNK_BYTES = 64 * 1024;

function* chunksOf(frames: readonly { bytes: Uint8Array }[]): Generator<Uint8Array> {
  let part: Uint8Array[] = [];
  let size = 0;
  for (const { bytes } of frames) {
    part.push(bytes);
    size += bytes.length;
    if (size < CHUNK_BYTES) continue;
    yield Buffer.concat(part);
    part = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(part);
}

const RESYNC = new TextEncoder().encode('id: 0\nevent: resync\ndata: {"from":0}\n\n');

/** The browser's own header wins: it is newer than the address with which the page began. */
function positionOf(request: Request): number {
  const given = request.headers.get("last-event-id") || new URL(request.url).searchParams.get("after") || "0";
  if (/^\d{1,15}$/.test(given)) return Number(given);
  throw new AppError("bad_request", "The last event id must be a sequence number of this job.");
}
