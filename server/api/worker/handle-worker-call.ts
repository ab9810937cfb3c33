// The runner protocol over HTTP: plain handlers without tRPC, because every command passes through here twice.
import { Readable } from "node:stream";
import type { z } from "zod";
import {
  type ClaimAnswer,
  claimRequest,
  commandsRequest,
  failRequest,
  heartbeatRequest,
  MAX_BUNDLE_BYTES,
  MODEL_PATH,
  PROTOCOL_HEADER,
  PROTOCOL_VERSION,
  registerRequest,
  reportRequest,
} from "../../../runner/protocol";
import { db } from "../../db";
import { AppError, ERROR_STATUS } from "../../domain/errors";
import { imageOf } from "../../domain/needs";
import { env } from "../../env";
import { waitFor } from "../../events/wait-for";
import type { Worker } from "../../generated/prisma/client";
import { COMMAND_CHANNEL } from "../../services/commands/enqueue-command";
import { lastLayer } from "../../services/commands/last-layer";
import { reportCommands } from "../../services/commands/report-commands";
import { takeCommands } from "../../services/commands/take-commands";
import { failExternal } from "../../services/external/end-external";
import { queueLimits } from "../../services/limits/queue-limits";
import { type ClaimedJob, lookForJob } from "../../services/queue/claim-job";
import { waitInLine } from "../../services/queue/claim-line";
import { freeForgotten } from "../../services/queue/sweep-leases";
import { authenticateWorker } from "../../services/runners/authenticate-worker";
import { deregisterWorker } from "../../services/runners/deregister-worker";
import { giveBack } from "../../services/runners/give-back";
import { heartbeat } from "../../services/runners/heartbeat";
import { registerRunner, requireRegistrationToken } from "../../services/runners/register-runner";
import { receiveBundle } from "../../services/workspace/receive-bundle";
import { sendBundle } from "../../services/workspace/send-bundle";
import { toAppError } from "../errors";
import { readText } from "../read-body";
import { answerModelCall, externalCalls, modelToken, workUp } from "./external-calls";

const MAX_JSON_BYTES = 32 * 1024 * 1024;

interface Call {
  request: Request;
  worker: Worker;
}

type Handler = (call: Call) => Promise<Response>;

const HANDLERS: Record<string, Handler> = {
  "POST heartbeat": async ({ request, worker }) =>
    Response.json(await heartbeat(db(), worker, await readJson(request, heartbeatRequest))),
  "POST claim": claim,
  "POST commands": commands,
  "POST report": async ({ request, worker }) => {
    const { job_id: job, fence, items } = await readJson(request, reportRequest);
    await reportCommands(db(), { worker: worker.id, job, fence, items });
    return new Response(null, { status: 204 });
  },
  "GET bundle": bundleDown,
  "POST bundle": bundleUp,
  "POST fail": async ({ request, worker }) => {
    const { job_id: job, fence, code, message, final } = await readJson(request, failRequest);
    const end = final ? failExternal : giveBack;
    await end(db(), { worker: worker.id, job, fence, code, message });
    return new Response(null, { status: 204 });
  },
  "POST deregister": async ({ worker }) => {
    await deregisterWorker(db(), worker);
    return new Response(null, { status: 204 });
  },
  ...externalCalls(readJson),
};

/** Answers a request whose path nobody has taken apart yet. Never throws. */
export async function answerWorkerRequest(request: Request): Promise<Response> {
  const [, , , ...path] = new URL(request.url).pathname.split("/");
  try {
    return await handleWorkerCall(request, path.map(decodeURIComponent));
  } catch {
    return refusal(new AppError("bad_request", "The address cannot be read."));
  }
}

/** Answers one call below /api/worker. Never throws. */
export async function handleWorkerCall(request: Request, path: string[]): Promise<Response> {
  const answer = await answerCall(request, path);
  // Tokens, questions to models and whole workspaces are for the worker alone.
  answer.headers.set("cache-control", "no-store");
  return answer;
}

async function answerCall(request: Request, path: string[]): Promise<Response> {
  try {
    const token = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
    if (path.length === 1 && path[0] === "register" && request.method === "POST") {
      requireRegistrationToken(token);
      return Response.json(await registerRunner(db(), await readJson(request, registerRequest)));
    }
    const [id = "", ...rest] = path;
    if (rest[0] === MODEL_PATH)
      return await answerModelCall(request, rest.join("/"), () =>
        authenticateWorker(db(), id, modelToken(request)),
      );
    const worker = await authenticateWorker(db(), id, token);
    if (request.headers.get(PROTOCOL_HEADER) !== String(PROTOCOL_VERSION)) {
      throw new AppError("upgrade_required", `Send ${PROTOCOL_HEADER}: ${PROTOCOL_VERSION}.`);
    }
    const handler = HANDLERS[`${request.method} ${rest.join("/")}`];
    if (!handler) throw new AppError("not_found", "There is no such call in the runner protocol.");
    return await handler({ request, worker });
  } catch (error) {
    return refusal(error);
  }
}

async function claim({ request, worker }: Call): Promise<Response> {
  const { wait_ms: waitMs } = await readJson(request, claimRequest);
  if (worker.order !== "none") return new Response(null, { status: 204 });
  if (worker.currentJobId !== null) await freeForgotten(db(), worker.id);
  const { id, offers } = worker;
  const look = () => lookForJob(db(), id, env().LEASE_SECONDS, queueLimits(), offers);
  const job = await waitInLine(look, { waitMs, signal: request.signal, offers });
  if (!job) return new Response(null, { status: 204 });
  // What an earlier worker had installed belongs to the workspace.
  const layer = job.projectId === null ? null : await lastLayer(db(), job);
  return Response.json({ ...claimAnswerOf(job), ...(layer && { layer: layer.spec }) } satisfies ClaimAnswer);
}

function claimAnswerOf(job: ClaimedJob): ClaimAnswer {
  const { SANDBOX_MEMORY_MB, SANDBOX_WORK_MB, SANDBOX_CPUS, SANDBOX_PIDS } = env();
  return {
    job_id: job.publicId,
    run: job.run,
    fence: job.fence,
    image: imageOf(job.needs),
    has_workspace: job.headCommit !== null,
    limits: {
      memory_mb: SANDBOX_MEMORY_MB,
      work_mb: SANDBOX_WORK_MB,
      tmp_mb: 64,
      // A repository that is there already may have 100,000 files.
      inodes: job.projectId === null ? 50_000 : 200_000,
      cpus: SANDBOX_CPUS,
      pids: SANDBOX_PIDS,
    },
  };
}

async function commands({ request, worker }: Call): Promise<Response> {
  const { job_id: job, fence, known, wait_ms: waitMs } = await readJson(request, commandsRequest);
  const taken = await waitFor(
    COMMAND_CHANNEL,
    async () => {
      const found = await takeCommands(db(), { worker: worker.id, job, fence, known });
      return found.length > 0 ? found : null;
    },
    { waitMs, signal: request.signal, wants: (payload) => payload === job },
  );
  return Response.json({ commands: taken ?? [] });
}

function leaseOf(request: Request): { job: string; fence: number; command: string } {
  const { searchParams } = new URL(request.url);
  return {
    job: searchParams.get("job_id") ?? "",
    fence: Number(searchParams.get("fence")) || 0,
    command: searchParams.get("command_id") ?? "",
  };
}

async function bundleDown({ request, worker }: Call): Promise<Response> {
  const bundle = await sendBundle(db(), { worker: worker.id, ...leaseOf(request) });
  if (!bundle) return new Response(null, { status: 204 });
  return new Response(Readable.toWeb(bundle) as ReadableStream, {
    headers: { "content-type": "application/x-git-bundle" },
  });
}

async function bundleUp({ request, worker }: Call): Promise<Response> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BUNDLE_BYTES) {
    throw new AppError("too_large", `A bundle may have at most ${MAX_BUNDLE_BYTES} bytes.`);
  }
  if (!request.body) throw new AppError("bad_request", "The bundle is empty.");
  const body = Readable.fromWeb(request.body as Parameters<typeof Readable.fromWeb>[0]);
  if (!new URL(request.url).searchParams.has("command_id")) return workUp({ request, worker }, body);
  return Response.json(await receiveBundle(db(), { worker: worker.id, ...leaseOf(request) }, body));
}

async function readJson<T extends z.ZodType>(request: Request, schema: T): Promise<z.infer<T>> {
  let body: unknown;
  try {
    body = JSON.parse(await readText(request, MAX_JSON_BYTES));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("bad_request", "The body is not JSON.");
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AppError("bad_request", `${issue?.path.join(".") || "body"}: ${issue?.message ?? "is wrong"}`);
}

function refusal(error: unknown): Response {
  const { code, message, retryAfter } = toAppError(error);
  return Response.json(
    { error: { code, message } },
    { status: ERROR_STATUS[code], headers: retryAfter ? { "retry-after": String(retryAfter) } : {} },
  );
}
