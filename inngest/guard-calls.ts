// What reaches the SDK: it reads a whole body before it looks at the signature, takes one that is no JSON for a fault of
// the app, and logs a stack for everything that strangers send.
import { errorResponse, toAppError } from "@/server/api/errors";
import { readText } from "@/server/api/read-body";
import { AppError } from "@/server/domain/errors";
import { env } from "@/server/env";

/** A run's state has 32 MB at most. */
const MAX_BYTES = 64 * 1024 * 1024;
const SIGNATURE = "x-inngest-signature";

type Handler = (request: Request) => Promise<Response>;

/** The same handler behind the guard. Never throws. */
export function guardCalls(handler: Handler): Handler {
  return async (request) => {
    try {
      return await handler(await checked(request));
    } catch (error) {
      const refused =
        error instanceof SyntaxError ? new AppError("bad_request", "The body is not valid JSON.") : error;
      return errorResponse(toAppError(refused), crypto.randomUUID());
    }
  };
}

async function checked(request: Request): Promise<Request> {
  const { INNGEST_SIGNING_KEY, INNGEST_DEV } = env();
  if (INNGEST_SIGNING_KEY && INNGEST_DEV === "0" && !request.headers.has(SIGNATURE))
    throw new AppError("unauthorized", "Only signed calls of the engine are answered here.");
  const { body, headers, method, signal, url } = request;
  if (!body) return request;
  // A body of a told length is not longer, so it need not pass through here.
  const told = Number(headers.get("content-length") ?? Number.NaN);
  if (told <= MAX_BYTES) return request;
  return new Request(url, { method, headers, signal, body: await readText(request, MAX_BYTES) });
}
