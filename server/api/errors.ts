// The only place where errors are translated. Inside, everything that may be shown is an AppError; whatever else
// comes out is a fault of ours or of the database and is told in general words.
import type { TRPC_ERROR_CODE_KEY } from "@trpc/server";
import { TRPCError } from "@trpc/server";
import { ZodError } from "zod";
import { isCrossed, isDatabaseAway, speaksOf } from "../db-faults";
import { AppError, ERROR_STATUS, type ErrorCode } from "../domain/errors";
import { log } from "../log";

const TO_TRPC = {
  bad_request: "BAD_REQUEST",
  unauthorized: "UNAUTHORIZED",
  forbidden: "FORBIDDEN",
  not_found: "NOT_FOUND",
  method_not_allowed: "METHOD_NOT_SUPPORTED",
  conflict: "CONFLICT",
  stale_fence: "CONFLICT",
  lease_over: "PRECONDITION_FAILED",
  too_large: "PAYLOAD_TOO_LARGE",
  unsupported_media_type: "UNSUPPORTED_MEDIA_TYPE",
  unprocessable: "UNPROCESSABLE_CONTENT",
  upgrade_required: "PRECONDITION_FAILED",
  rate_limited: "TOO_MANY_REQUESTS",
  internal: "INTERNAL_SERVER_ERROR",
  unavailable: "SERVICE_UNAVAILABLE",
} as const satisfies Record<ErrorCode, TRPC_ERROR_CODE_KEY>;

/** What tRPC itself refuses, before any code of ours runs. */
const FROM_TRPC: Partial<Record<TRPC_ERROR_CODE_KEY, ErrorCode>> = {
  PARSE_ERROR: "bad_request",
  BAD_REQUEST: "bad_request",
  NOT_FOUND: "not_found",
  METHOD_NOT_SUPPORTED: "method_not_allowed",
  PAYLOAD_TOO_LARGE: "too_large",
  UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
};

/** Values that no column of Postgres can hold: a number out of range, a NUL, half of an emoji. */
const UNUSABLE_VALUES = new Set(["22003", "22021", "22P02", "22P05", "22007", "22008"]);
/** Prisma writes lists as JSON, which its own reader refuses for half of an emoji. It gives no code for that. */
const HALF_CHARACTER = /JSON Error: .*(hex escape|surrogate)/;

/** The refusal to answer with. Logs what is not the asker's fault. */
export function toAppError(error: unknown, requestId?: string): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof ZodError) return new AppError("bad_request", sentenceOf(error));
  if (error instanceof TRPCError) return fromTrpc(error, requestId);
  if (speaksOf(error, UNUSABLE_VALUES) || (error instanceof Error && HALF_CHARACTER.test(error.message))) {
    log.warn({ requestId, reason: lastLine(error) }, "A value was refused by the database only.");
    return new AppError("bad_request", "The request has a value that cannot be stored.");
  }
  if (isCrossed(error)) {
    log.warn({ requestId, reason: lastLine(error) }, "Two changes stood in each other's way.");
    return new AppError("unavailable", "Somebody changed the same at this moment. Try again.", 1);
  }
  if (isDatabaseAway(error)) {
    log.warn({ requestId, reason: lastLine(error) }, "The database cannot be used at the moment.");
    return new AppError("unavailable", "The database cannot be reached at the moment. Try again shortly.", 2);
  }
  log.error({ requestId, err: error }, "A request failed through a fault of ours.");
  return new AppError(
    "internal",
    "Something went wrong on our side. The log says more under this request id.",
  );
}

/** What tRPC throws and formats; carries the AppError as its cause. */
export function toTrpcError(error: AppError): TRPCError {
  return new TRPCError({ code: TO_TRPC[error.code], message: error.message, cause: error });
}

function fromTrpc(error: TRPCError, requestId?: string): AppError {
  if (error.cause instanceof AppError || error.cause instanceof ZodError)
    return toAppError(error.cause, requestId);
  const code = FROM_TRPC[error.code];
  if (code) return new AppError(code, asSentence(error.message));
  return toAppError(error.cause ?? new Error(error.message), requestId);
}

function asSentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

function lastLine(error: unknown): string | undefined {
  return error instanceof Error ? error.message.trim().split("\n").at(-1) : String(error);
}

/** One plain sentence for each of the first three faults, naming the field. */
function sentenceOf(error: ZodError): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => {
      const field = issue.path.map(String).join(".");
      if (issue.code === "unrecognized_keys")
        return `There is no field ${issue.keys.map(cut).join(", ")} here.`;
      if (!field) return `The input is not usable: ${issue.message}.`;
      return `The field ${cut(field)} is not usable: ${issue.message.replace(/\.$/, "")}.`;
    })
    .join(" ");
}

function cut(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** The JSON answer of every refusal outside tRPC. */
export function errorResponse(error: AppError, requestId: string, headers?: HeadersInit): Response {
  const all = new Headers(headers);
  all.set("Cache-Control", "no-store");
  all.set("X-Request-Id", requestId);
  if (error.code === "unauthorized") all.set("WWW-Authenticate", 'Bearer realm="fabrica"');
  if (error.retryAfter !== null) all.set("Retry-After", String(Math.ceil(error.retryAfter)));
  const body = { error: { code: error.code, message: error.message, request_id: requestId } };
  return Response.json(body, { status: ERROR_STATUS[error.code], headers: all });
}
