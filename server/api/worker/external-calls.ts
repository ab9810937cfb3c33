// The calls of external agents in the worker protocol; see docs/external-agents.md.
import type { Readable } from "node:stream";
import type { z } from "zod";
import {
  briefRequest,
  completeRequest,
  externalRequest,
  FENCE_HEADER,
  lockRequest,
  MAX_MODEL_BYTES,
  messagesRequest,
  stuckRequest,
} from "../../../runner/protocol";
import { db } from "../../db";
import { ERROR_STATUS } from "../../domain/errors";
import type { Worker } from "../../generated/prisma/client";
import { completeExternal, stuckExternal } from "../../services/external/end-external";
import { countTokens, forwardMessage, type ModelCall } from "../../services/external/forward-model-call";
import { getBrief } from "../../services/external/get-brief";
import { handOutMessages } from "../../services/external/hand-out-messages";
import { lockFiles } from "../../services/external/lock-files";
import { ModelRefusal, modelError } from "../../services/external/model-refusal";
import { receiveWork } from "../../services/external/receive-work";
import { reportExternal } from "../../services/external/report-external";
import { toAppError } from "../errors";
import { readText } from "../read-body";

interface Call {
  request: Request;
  worker: Worker;
}
type ReadJson = <T extends z.ZodType>(request: Request, schema: T) => Promise<z.infer<T>>;

const DONE = () => new Response(null, { status: 204 });

/** By method and path below the worker's id. @param readJson reads and checks a body */
export function externalCalls(readJson: ReadJson): Record<string, (call: Call) => Promise<Response>> {
  return {
    "POST brief": async ({ request, worker }) => {
      const { job_id: job, fence, wait_ms: waitMs } = await readJson(request, briefRequest);
      const lease = { worker: worker.id, job, fence };
      const brief = await getBrief(db(), lease, { waitMs, signal: request.signal });
      return brief ? Response.json(brief) : DONE();
    },
    "POST external": async ({ request, worker }) => {
      const { job_id: job, fence, first, events } = await readJson(request, externalRequest);
      return Response.json(await reportExternal(db(), { worker: worker.id, job, fence, first, events }));
    },
    "POST lock": async ({ request, worker }) => {
      const { job_id: job, fence, files } = await readJson(request, lockRequest);
      return Response.json(await lockFiles(db(), { worker: worker.id, job, fence, files }));
    },
    "POST messages": async ({ request, worker }) => {
      const { job_id: job, fence, ask } = await readJson(request, messagesRequest);
      return Response.json(await handOutMessages(db(), { worker: worker.id, job, fence, ask }));
    },
    "POST complete": async ({ request, worker }) => {
      const { job_id: job, fence, summary } = await readJson(request, completeRequest);
      await completeExternal(db(), { worker: worker.id, job, fence, summary });
      return DONE();
    },
    "POST stuck": async ({ request, worker }) => {
      const { job_id: job, fence, reason } = await readJson(request, stuckRequest);
      await stuckExternal(db(), { worker: worker.id, job, fence, reason });
      return DONE();
    },
  };
}

/** A bundle that belongs to no command: an external agent's work. */
export async function workUp({ request, worker }: Call, body: Readable): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const lease = {
    worker: worker.id,
    job: searchParams.get("job_id") ?? "",
    fence: Number(searchParams.get("fence")) || 0,
  };
  return Response.json(await receiveWork(db(), lease, searchParams.get("message") ?? "", body));
}

const MODEL_CALLS: Record<string, (call: ModelCall) => Promise<Response>> = {
  "POST anthropic/v1/messages": (call) => forwardMessage(db(), call),
  "POST anthropic/v1/messages/count_tokens": (call) => countTokens(db(), call),
};

/** The worker token of a call to a model: programs that speak to the provider send it as their key. */
export function modelToken(request: Request): string {
  const bearer = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  return bearer ?? request.headers.get("x-api-key") ?? "";
}

/**
 * Answers a call to a model, in the provider's own language. Never throws.
 * @param path below the worker's id
 * @param authenticate gives the worker whose token it is, or throws
 */
export async function answerModelCall(
  request: Request,
  path: string,
  authenticate: () => Promise<Worker>,
): Promise<Response> {
  try {
    const worker = await authenticate();
    const call = MODEL_CALLS[`${request.method} ${path}`];
    if (!call)
      throw new ModelRefusal(
        404,
        "not_found_error",
        "Only /v1/messages and /v1/messages/count_tokens are here.",
      );
    const text = await readText(request, MAX_MODEL_BYTES);
    return await call({
      worker: worker.id,
      fence: fenceOf(request),
      text,
      headers: request.headers,
      signal: request.signal,
    });
  } catch (error) {
    return modelError(error instanceof ModelRefusal ? error : toModelRefusal(error));
  }
}

/** @throws ModelRefusal for one that is no whole positive number */
function fenceOf(request: Request): number | null {
  const given = request.headers.get(FENCE_HEADER);
  if (given === null) return null;
  if (/^[1-9]\d{0,8}$/.test(given)) return Number(given);
  throw new ModelRefusal(400, "invalid_request_error", `${FENCE_HEADER} must be the number of the lease.`);
}

const TYPES: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
};

function toModelRefusal(error: unknown): ModelRefusal {
  const { code, message, retryAfter } = toAppError(error);
  const status = ERROR_STATUS[code];
  return new ModelRefusal(status, TYPES[status] ?? "api_error", message, retryAfter);
}
