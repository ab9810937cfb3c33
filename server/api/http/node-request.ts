// A web handler behind Node's HTTP server: request in, response out, and the request's signal when the caller leaves.
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import type { DirectHandler } from "./direct-routes";

/** Bodies up to this many bytes are read before the handler begins; larger ones are streamed. */
const SMALL_BODY_BYTES = 256 * 1024;

/** An answer of the API is never a page; the same headers as in next.config.ts. */
const HEADERS: readonly [string, string][] = [
  ["X-Content-Type-Options", "nosniff"],
  ["Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"],
];

/** Answers with `handler`. Rejects when the caller leaves in the middle of the answer, or the handler throws. */
export async function answerWith(
  handler: DirectHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const left = new AbortController();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) left.abort();
  });
  const response = await handler(await toRequest(incoming, left.signal));
  outgoing.statusCode = response.status;
  for (const [name, value] of HEADERS) outgoing.setHeader(name, value);
  response.headers.forEach((value, name) => void outgoing.setHeader(name, value));
  if (!response.body) {
    outgoing.end();
  } else if (response.headers.get("content-type")?.startsWith("application/json")) {
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  } else {
    await pipeline(Readable.fromWeb(response.body as NodeReadableStream), outgoing);
  }
}

async function toRequest(incoming: IncomingMessage, signal: AbortSignal): Promise<Request> {
  const { method = "GET", url = "/" } = incoming;
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const address = new URL(`${originOf(incoming)}${url.startsWith("/") ? url : "/"}`);
  if (method === "GET") return new Request(address, { method, headers, signal });
  const length = Number(headers.get("content-length") ?? Number.NaN);
  const body = length <= SMALL_BODY_BYTES ? await readAll(incoming) : Readable.toWeb(incoming);
  // The type of a fetch with a body that is streamed lacks `duplex`, which the standard demands.
  return new Request(address, {
    method,
    headers,
    signal,
    body: body as BodyInit,
    duplex: "half",
  } as RequestInit);
}

/** What the caller says that we are called; anything that is no host counts as not said. */
function originOf({ headers: { host = "" } }: IncomingMessage): string {
  const origin = `http://${host}`;
  return /^[\w.:[\]-]+$/.test(host) && URL.canParse(origin) ? origin : "http://localhost";
}

async function readAll(incoming: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
