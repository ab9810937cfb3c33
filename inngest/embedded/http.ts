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

/**
 * Collects a stream's text. What goes beyond the limit is read and dropped, because breaking off would close the
 * connection before it is answered. Listeners, not an async iterator: this is done for every step.
 * @returns undefined when there was more than `limitBytes`
 */
export function readText(stream: IncomingMessage, limitBytes: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limitBytes) chunks.push(chunk);
      else chunks.length = 0;
    });
    stream.on("end", () => {
      if (size > limitBytes) resolve(undefined);
      else
        resolve(chunks.length === 1 ? chunks[0]!.toString("utf8") : Buffer.concat(chunks).toString("utf8"));
    });
    stream.on("error", reject);
    stream.on("close", () => {
      if (!stream.complete) reject(new Error("the connection was closed"));
    });
  });
}

/** Reads a JSON body. Throws HttpError 413 or 400. */
export async function readJson(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  const tooLarge = () => new HttpError(413, `The body is larger than ${limitBytes} bytes.`);
  if (Number(request.headers["content-length"]) > limitBytes) throw tooLarge();
  const text = await readText(request, limitBytes);
  if (text === undefined) throw tooLarge();
  try {
    return JSON.parse(text) as unknown;
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
