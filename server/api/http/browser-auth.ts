// next-auth's handler. The library reads bodies without a limit, throws on broken ones and calls a bad cookie a fault
// of the server, so what it is given is checked before and what it answers is put right after.

import { NextRequest } from "next/server";
import NextAuth from "next-auth";
import { AppError, ERROR_STATUS, type ErrorCode } from "../../domain/errors";
import { browserSessionOptions } from "../browser-session";
import { errorResponse, toAppError } from "../errors";
import { readText } from "../read-body";
import { requestIdOf } from "../request-context";
import { parseStrictJson } from "../strict-json";

interface RouteContext {
  params: Promise<{ nextauth: string[] }>;
}

/** Never throws. */
export async function handleBrowserAuth(request: Request, context: RouteContext): Promise<Response> {
  const requestId = requestIdOf(request.headers);
  try {
    const checked = request.method === "POST" ? await readForm(request) : request;
    // The library's types know only its own way of being called.
    const answer = (await NextAuth(checked as never, context as never, browserSessionOptions())) as Response;
    if (answer.status === 401) return await withReason(answer);
    if (answer.status < 500) return answer;
    // Its settings are ours and do not change, so what it could not use came with the request.
    throw new AppError(
      "bad_request",
      "The sign-in request is not usable. Delete this site's cookies and try again.",
    );
  } catch (error) {
    return errorResponse(toAppError(refusalOfHost(error), requestId), requestId);
  }
}

/** The library makes addresses of what the request, or a proxy, says that we are called. */
function refusalOfHost(error: unknown): unknown {
  if ((error as { code?: unknown } | null)?.code !== "ERR_INVALID_URL") return error;
  return new AppError("bad_request", "The name under which this server was asked is not usable.");
}

/** The same request with its body read and looked at. */
async function readForm(request: Request): Promise<Request> {
  const { method, headers, url } = request;
  const type = headers.get("content-type") ?? "";
  const isJson = /^application\/json\b/i.test(type);
  if (!isJson && !/^application\/x-www-form-urlencoded\b/i.test(type)) {
    throw new AppError("unsupported_media_type", "The sign-in must be sent as a form or as JSON.");
  }
  const body = await readText(request);
  if (isJson) parseStrictJson(body);
  return new NextRequest(url, { method, headers, body });
}

/** Seconds after which a refused sign-in may be tried again; the library carries a code and nothing else. */
const RETRY_AFTER: Partial<Record<ErrorCode, number>> = { unavailable: 2, rate_limited: 60 };

/** The library answers every failed sign-in with 401 and an address that names the error. */
async function withReason(answer: Response): Promise<Response> {
  const text = await answer.text();
  const named = /[?&]error=([a-z_]+)/.exec(text)?.[1];
  const code = named && named in ERROR_STATUS ? (named as ErrorCode) : null;
  const headers = new Headers(answer.headers);
  const seconds = code && RETRY_AFTER[code];
  if (seconds) headers.set("Retry-After", String(seconds));
  return new Response(text, { status: code ? ERROR_STATUS[code] : answer.status, headers });
}
