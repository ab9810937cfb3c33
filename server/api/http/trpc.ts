// tRPC over HTTP. What comes in is checked as strictly as over REST before tRPC sees it.
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { type Db, db as processDb } from "../../db";
import { AppError, ERROR_STATUS } from "../../domain/errors";
import { decodePart } from "../decode-part";
import { toAppError } from "../errors";
import { limitRequest, RateLimited } from "../rate-limit";
import { readJsonText, requireJson } from "../read-body";
import { requestContext, requestIdOf } from "../request-context";
import { appRouter } from "../root";
import { parseStrictJson } from "../strict-json";

const ENDPOINT = "/api/trpc";
const MAX_BATCH = 20;
/** "Invalid request" of JSON-RPC. */
const RPC_ERROR = -32_600;

/** Answers any request below /api/trpc. Never throws. */
export async function handleTrpc(request: Request, db: Db = processDb()): Promise<Response> {
  const requestId = requestIdOf(request.headers);
  try {
    const calls = countCalls(request);
    const ctx = await requestContext(db, request, requestId);
    const limits = await limitRequest(db, ctx.identity, ctx.address, calls);
    return await fetchRequestHandler({
      endpoint: ENDPOINT,
      router: appRouter,
      req: await checked(request),
      createContext: () => ctx,
      maxBatchSize: MAX_BATCH,
      responseMeta: ({ errors }) => {
        const seconds = errors.map((error) => toAppError(error).retryAfter).find((value) => value != null);
        const headers = { ...limits, "Cache-Control": "no-store", "X-Request-Id": requestId };
        return { headers: seconds == null ? headers : { ...headers, "Retry-After": String(seconds) } };
      },
    });
  } catch (error) {
    return refusal(error, requestId);
  }
}

function countCalls(request: Request): number {
  // Read as the library reads it, for which an encoded comma separates as well.
  const names = decodePart(new URL(request.url).pathname.slice(ENDPOINT.length + 1));
  const calls = names.split(",").length;
  if (calls > MAX_BATCH) throw new AppError("bad_request", `At most ${MAX_BATCH} calls go into one batch.`);
  return calls;
}

/** The request with its body read, or the JSON of its query looked at. */
async function checked(request: Request): Promise<Request> {
  const { method, headers, signal, url } = request;
  if (method === "GET" || method === "HEAD") {
    const input = new URL(url).searchParams.get("input");
    if (input) parseStrictJson(input);
    return request;
  }
  if (method !== "POST") throw new AppError("method_not_allowed", "This address accepts GET and POST only.");
  // Also without a body: the library has ways of its own for other kinds.
  requireJson(request);
  const body = await readJsonText(request);
  if (body) parseStrictJson(body);
  return new Request(url, { method, headers, signal, body });
}

/** An error before any procedure ran, in the shape that tRPC clients read. */
function refusal(error: unknown, requestId: string): Response {
  const { code, message, retryAfter } = toAppError(error, requestId);
  const headers = new Headers(error instanceof RateLimited ? error.headers : {});
  headers.set("Cache-Control", "no-store");
  headers.set("X-Request-Id", requestId);
  if (retryAfter !== null) headers.set("Retry-After", String(retryAfter));
  const data = { code, httpStatus: ERROR_STATUS[code], path: null, requestId };
  return Response.json(
    { error: { json: { message, code: RPC_ERROR, data } } },
    { status: ERROR_STATUS[code], headers },
  );
}
