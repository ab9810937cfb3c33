// The only way out of an external agent's sandbox: an HTTP server on a socket file that nobody else can reach, which
// passes questions to a model on to the app under the worker's token and the lease's fence. Neither ever enters a sandbox.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { MAX_MODEL_BYTES } from "../protocol";
import type { Door } from "../sandbox/port";

const PATHS = ["/v1/messages", "/v1/messages/count_tokens"];
/** Headers of a question that concern the model's provider. */
const PASSED_IN = ["content-type", "anthropic-version", "anthropic-beta"];
const PASSED_OUT = ["content-type", "retry-after", "request-id", "x-should-retry"];

const PREFIX = "fabrica-model-";

/** Removes what hosts that were killed have left. */
export async function removeStaleDoors(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-\\w+$`).exec(name)?.[1];
    if (!pid || existsSync(`/proc/${pid}`)) continue;
    // Another user's is not ours to remove.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

export interface ModelDoorOptions {
  /** Asks the app. Rejects when it cannot be reached. */
  ask(
    path: string,
    question: { headers: Record<string, string>; body: Uint8Array<ArrayBuffer>; signal: AbortSignal },
  ): Promise<Response>;
  /** There is no money for another answer. */
  onCap(): void;
  /** The lease is over. */
  onOver(): void;
}

/** The door of one lease. */
export class ModelDoor implements Door {
  private constructor(
    private readonly folder: string,
    private readonly server: Server,
  ) {}

  static async open(options: ModelDoorOptions): Promise<ModelDoor> {
    // Only this user may enter the folder, so only this user may use the socket.
    const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
    const server = createServer((request, response) => {
      answer(options, request, response).catch(() => response.destroy());
    });
    server.requestTimeout = 0;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(join(folder, "door"), resolve);
    });
    return new ModelDoor(folder, server);
  }

  connect(): Socket {
    return connect({ path: join(this.folder, "door"), allowHalfOpen: true });
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function answer(
  options: ModelDoorOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [pathname = ""] = (request.url ?? "").split("?", 1);
  if (request.method !== "POST" || !PATHS.includes(pathname)) {
    return refuse(response, 404, "not_found_error", "Only the model can be reached here: POST /v1/messages.");
  }
  const body = await readAll(request);
  if (body === null) return refuse(response, 413, "request_too_large", "The question is too large.");
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  let answered: Response;
  try {
    answered = await options.ask(pathname, {
      headers: pick(request.headers, PASSED_IN),
      body,
      signal: gone.signal,
    });
  } catch {
    return refuse(response, 529, "overloaded_error", "The app cannot be reached just now; try again.");
  }
  if (answered.status === 402) options.onCap();
  if ([401, 409, 410].includes(answered.status)) options.onOver();
  response.writeHead(answered.status, pick(Object.fromEntries(answered.headers), PASSED_OUT));
  if (!answered.body) return void response.end();
  await pipeline(Readable.fromWeb(answered.body as NodeReadableStream), response);
}

/** The body; null when it is larger than a question may be. */
async function readAll(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    // Read to its end, because a sender that is still sending does not hear a refusal.
    if (size <= MAX_MODEL_BYTES) parts.push(part as Buffer);
    else parts.length = 0;
  }
  return size > MAX_MODEL_BYTES ? null : new Uint8Array(Buffer.concat(parts));
}

function pick(
  headers: Record<string, string | string[] | undefined>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
}

function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ type: "error", error: { type, message } }));
}
