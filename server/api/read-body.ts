// Takes in the body of a request under a cap, as JSON or not at all.
import { AppError } from "../domain/errors";
import { parseStrictJson } from "./strict-json";

const MAX_BODY_BYTES = 1024 * 1024;

/** Text of the body; empty when there is none. @throws AppError `too_large`, `bad_request` (not UTF-8) */
export async function readText(request: Request, maxBytes: number = MAX_BODY_BYTES): Promise<string> {
  const bytes = await readCapped(request, maxBytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new AppError("bad_request", "The body is not valid UTF-8.");
  }
}

/** The same, for JSON only. @throws AppError also `unsupported_media_type` */
export async function readJsonText(request: Request): Promise<string> {
  const text = await readText(request);
  if (text !== "") requireJson(request);
  return text;
}

/** @throws AppError `unsupported_media_type` unless the body is said to be JSON in UTF-8 */
export function requireJson(request: Request): void {
  const type = request.headers.get("content-type") ?? "";
  if (/^application\/json\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?$/i.test(type)) return;
  throw new AppError("unsupported_media_type", "The body must be sent as application/json in UTF-8.");
}

/** The body as an object; `{}` when there is none. @throws AppError as above and for anything but an object */
export async function readJsonObject(request: Request): Promise<Record<string, unknown>> {
  const text = await readJsonText(request);
  if (text === "") return {};
  const value = parseStrictJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AppError("bad_request", "The body must be a JSON object.");
  }
  return value as Record<string, unknown>;
}

async function readCapped(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = new AppError("too_large", `The body is larger than ${maxBytes / 1024 / 1024} MB.`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge;
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    size += next.value.length;
    if (size > maxBytes) {
      await reader?.cancel().catch(() => undefined); // The answer says why; the sender may be gone.
      throw tooLarge;
    }
    chunks.push(next.value);
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}
