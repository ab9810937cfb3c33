// next-auth's handler behind a cap on the body, with a status that tells why a sign-in was refused.
import NextAuth from "next-auth";
import { AppError, ERROR_STATUS, type ErrorCode } from "../../domain/errors";
import { browserSessionOptions } from "../browser-session";
import { errorResponse } from "../errors";
import { requestIdOf } from "../request-context";

const MAX_FORM_BYTES = 16 * 1024;

interface RouteContext {
  params: Promise<{ nextauth: string[] }>;
}

export async function handleBrowserAuth(request: Request, context: RouteContext): Promise<Response> {
  if (request.method === "POST") {
    // The library reads bodies without a limit, so one of unknown length does not reach it.
    const length = request.headers.get("content-length");
    if (length === null || Number(length) > MAX_FORM_BYTES) {
      const refused = new AppError("too_large", "A sign-in form is not that large.");
      return errorResponse(refused, requestIdOf(request.headers));
    }
  }
  // The library's types know only its own way of being called.
  const answer = (await NextAuth(request as never, context as never, browserSessionOptions())) as Response;
  return answer.status === 401 ? withReason(answer) : answer;
}

/** The library answers every failed sign-in with 401 and an address that names the error. */
async function withReason(answer: Response): Promise<Response> {
  const text = await answer.text();
  const code = /[?&]error=([a-z_]+)/.exec(text)?.[1];
  const status = code && code in ERROR_STATUS ? ERROR_STATUS[code as ErrorCode] : answer.status;
  return new Response(text, { status, headers: answer.headers });
}
