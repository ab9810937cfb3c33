/**
 * The few things the engine's HTTP server needs: bodies under a limit, JSON answers, errors with a status.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/** An answer other than success. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Reads a JSON body. Throws HttpError 413 or 400. */
export async function readJson(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  const tooLarge = () => new HttpError(413, `The body is larger than ${limitBytes} bytes.`);
  if (Number(request.headers["content-length"]) > limitBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // The rest is read and dropped: leaving the loop would close the connection before the answer.
    if (size <= limitBytes) chunks.push(chunk);
  }
  if (size > limitBytes) throw tooLarge();
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
  } catch {
    throw new HttpError(400, "The body is not JSON.");
  }
}

/** Sends a JSON answer. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
