/**
 * The HTTP side of the engine: what the SDK and its users call. Unsigned requests are refused when a key is set.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type pg from "pg";
import { acceptEvent } from "./accept-event";
import { JsonDepthError } from "./canonical-json";
import { applyCheckpoint, type CheckpointBody } from "./checkpoint";
import { EventError, parseEvents } from "./engine-events";
import type { Engine } from "./engine-state";
import { reach } from "./fault-points";
import { Duplicates } from "./find-duplicates";
import { parseRegistration, RegistrationError } from "./function-config";
import { HttpError, readJson, sendJson } from "./http";
import { OperationError } from "./operations";
import { findEventRuns, findRun } from "./read-runs";
import { registerFunctions } from "./register-functions";
import { finishRun } from "./runs";
import { type Signer, sameText } from "./signatures";

const MAX_EVENTS_BYTES = 3 * 1024 * 1024;
const MAX_CHECKPOINT_BYTES = 32 * 1024 * 1024;
const COMMIT_LIMIT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

/** What the server needs beside the engine. */
export interface ApiOptions {
  reader: pg.Pool;
  signer: Signer | undefined;
  eventKey: string | undefined;
  kind: "cloud" | "dev";
  /** Asks the app to register again. */
  requestSync(): void;
  /** Whether the engine still works; false answers 503 on /health. */
  isHealthy(): boolean;
}

type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  parameter: string,
) => Promise<void> | void;

interface Route {
  method: string;
  path: RegExp;
  handle: Handler;
  /** Needs the SDK's bearer token. */
  bearer: boolean;
}

/** Makes the server; the caller listens. */
export function createApiServer(engine: Engine, options: ApiOptions): Server {
  const duplicates = new Duplicates(options.reader);

  const committed = async (): Promise<void> => {
    let timeout: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timeout = setTimeout(
        () => reject(new HttpError(503, "The database does not answer.")),
        COMMIT_LIMIT_MS,
      );
    });
    try {
      await Promise.race([engine.journal.commit(), late]);
    } finally {
      clearTimeout(timeout);
    }
  };

  const postEvents: Handler = async (request, response, key) => {
    if (options.eventKey && !sameText(options.eventKey, key))
      throw new HttpError(401, "The event key is wrong.");
    const seed = request.headers["x-inngest-event-id-seed"];
    const body = await readJson(request, MAX_EVENTS_BYTES);
    const events = parseEvents(body, typeof seed === "string" ? seed : undefined, engine.now());
    const { fresh, ids, release } = await duplicates.sift(events, engine.now());
    reach("event:received");
    for (const event of fresh) acceptEvent(engine, event);
    engine.journal.afterCommit(release);
    await committed();
    reach("event:committed");
    sendJson(response, 200, { ids, status: 200 });
  };

  const register: Handler = async (request, response) => {
    const expected = request.headers["x-inngest-expected-server-kind"];
    if (expected && expected !== options.kind) {
      throw new HttpError(400, `The app expects a "${expected}" server, this one is "${options.kind}".`);
    }
    const registration = parseRegistration(await readJson(request, MAX_EVENTS_BYTES));
    const modified = registerFunctions(engine, registration);
    await committed();
    engine.log.info(
      { app: registration.app, functions: registration.functions.length, modified },
      "app registered",
    );
    sendJson(response, 200, { ok: true, modified, status: 200 });
  };

  const checkpoint: Handler = async (request, response, runId) => {
    const body = (await readJson(request, MAX_CHECKPOINT_BYTES)) as CheckpointBody | null;
    reach("checkpoint:received");
    const outcome = applyCheckpoint(engine, runId, body ?? {});
    await committed();
    reach("checkpoint:committed");
    if (outcome === "stale") throw new HttpError(409, "The run has moved on; this call must stop.");
    sendJson(response, 200, { status: 200 });
  };

  const getRun: Handler = async (_, response, runId) => {
    const run = await findRun(options.reader, runId);
    if (!run) throw new HttpError(404, "There is no such run.");
    sendJson(response, 200, { data: run });
  };

  const cancelRun: Handler = async (_, response, runId) => {
    const run = engine.runs.get(runId);
    if (!run) throw new HttpError(404, "There is no such unfinished run.");
    finishRun(engine, run, { status: "cancelled" });
    await committed();
    response.writeHead(204).end();
  };

  const getEventRuns: Handler = async (_, response, eventId) => {
    sendJson(response, 200, { data: await findEventRuns(options.reader, eventId) });
  };

  const requestSync: Handler = (_, response) => {
    options.requestSync();
    sendJson(response, 202, { status: 202 });
  };

  const health: Handler = (_, response) => {
    const healthy = options.isHealthy();
    sendJson(response, healthy ? 200 : 503, {
      status: healthy ? "ok" : "down",
      functions: engine.functions.size,
    });
  };

  const routes: Route[] = [
    { method: "GET", path: /^\/health$/, handle: health, bearer: false },
    { method: "POST", path: /^\/e\/([^/]+)$/, handle: postEvents, bearer: false },
    { method: "POST", path: /^\/fn\/register$/, handle: register, bearer: true },
    { method: "POST", path: /^\/v1\/checkpoint\/([^/]+)\/async$/, handle: checkpoint, bearer: true },
    { method: "GET", path: /^\/v1\/runs\/([^/]+)$/, handle: getRun, bearer: true },
    { method: "DELETE", path: /^\/v1\/runs\/([^/]+)$/, handle: cancelRun, bearer: true },
    { method: "POST", path: /^\/v1\/apps\/([^/]+)\/syncs$/, handle: requestSync, bearer: true },
    { method: "GET", path: /^\/v1\/events\/([^/]+)\/runs$/, handle: getEventRuns, bearer: true },
  ];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? "/", "http://engine").pathname;
    const matching = routes.flatMap((route) => {
      const match = route.path.exec(path);
      return match ? [{ route, parameter: match[1] ?? "" }] : [];
    });
    if (!matching.length) throw new HttpError(404, "There is no such address.");
    const found = matching.find(({ route }) => route.method === request.method);
    if (!found) throw new HttpError(405, "This method is not allowed here.");
    if (found.route.bearer && options.signer && !options.signer.verifyBearer(request.headers.authorization)) {
      throw new HttpError(401, "The signing key is missing or wrong.");
    }
    await found.route.handle(request, response, decode(found.parameter));
  };

  // Longer than the SDK's pauses between checkpoints, so that connections are kept.
  return createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: KEEP_ALIVE_MS + 5000 },
    (request, response) => {
      answer(request, response).catch((error: unknown) => {
        const status = statusOf(error);
        const known = status < 500 || error instanceof HttpError;
        if (!known) engine.log.error({ err: error, url: request.url }, "request failed");
        const message =
          known && error instanceof Error ? error.message : "The engine could not handle the request.";
        if (response.headersSent) response.destroy();
        else sendJson(response, status, { error: message, status });
      });
    },
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HttpError(400, "The address is not well formed.");
  }
}

function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  const types = [EventError, RegistrationError, OperationError, JsonDepthError];
  const isInput = types.some((type) => error instanceof type);
  return isInput ? 400 : 503;
}
