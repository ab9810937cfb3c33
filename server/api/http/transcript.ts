// GET /api/v1/jobs/{id}/transcript: everything that a job's agents were asked and answered, as JSON lines. It is written
// while it is read: the next lines are asked of the database when the reader has taken the ones before.
import { type Db, db as processDb } from "../../db";
import { AppError } from "../../domain/errors";
import { jobRef } from "../../domain/inputs";
import type { TranscriptLine } from "../../domain/transcripts";
import { log } from "../../log";
import { exportTranscript } from "../../services/transcripts/export-transcript";
import { errorResponse, toAppError } from "../errors";
import { limitRequest, RateLimited } from "../rate-limit";
import { requestContext, requestIdOf } from "../request-context";

/** Lines are joined up to about so many bytes. */
const CHUNK_BYTES = 64 * 1024;

/** Never throws. */
export async function handleTranscript(
  request: Request,
  id: string,
  db: Db = processDb(),
): Promise<Response> {
  const requestId = requestIdOf(request.headers);
  let headers: Record<string, string> = {};
  try {
    const [unknown] = new URL(request.url).searchParams.keys();
    if (unknown !== undefined)
      throw new AppError("bad_request", `There is no parameter ${unknown.slice(0, 80)} here.`);
    const { identity, refusal, address } = await requestContext(db, request, requestId);
    headers = await limitRequest(db, identity, address);
    if (!identity)
      throw refusal ?? new AppError("unauthorized", "Sign in first: this needs a token or a session.");
    const input = jobRef.parse({ id });
    const lines = await exportTranscript({ ctx: { db, actor: identity.actor }, input });
    return new Response(bodyOf(lines, requestId), {
      headers: {
        ...headers,
        "Content-Type": "application/x-ndjson; charset=utf-8",
        "Content-Disposition": `attachment; filename="${id}.transcript.jsonl"`,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": requestId,
      },
    });
  } catch (error) {
    if (error instanceof RateLimited) headers = error.headers;
    return errorResponse(toAppError(error, requestId), requestId, headers);
  }
}

function bodyOf(lines: AsyncGenerator<TranscriptLine>, requestId: string): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          let text = "";
          while (text.length < CHUNK_BYTES) {
            const { value, done } = await lines.next();
            if (done) {
              if (text !== "") controller.enqueue(Buffer.from(text));
              controller.close();
              return;
            }
            text += `${JSON.stringify(value)}\n`;
          }
          controller.enqueue(Buffer.from(text));
        } catch (error) {
          // The answer has begun: a reader sees that the line "end" is missing.
          log.warn({ requestId, error: String(error) }, "a transcript was cut off");
          controller.error(error);
        }
      },
      async cancel() {
        await lines.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
