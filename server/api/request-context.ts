// What every procedure knows about its request, however it came.
import { randomUUID } from "node:crypto";
import type { Db } from "../db";
import { AppError } from "../domain/errors";
import { clientAddress } from "./client-address";
import { type Identity, resolveIdentity } from "./resolve-actor";

export interface RequestContext {
  db: Db;
  requestId: string;
  address: string;
  identity: Identity | null;
  /** Why a given proof was refused; told when a procedure needs somebody. */
  refusal: AppError | null;
  idempotencyKey: string | null;
}

/** The client's own id when it is a plain one, so that both logs name the request alike. */
export function requestIdOf(headers: Headers): string {
  const given = headers.get("x-request-id");
  return given && /^[\w-]{8,64}$/.test(given) ? given : randomUUID();
}

/** @throws AppError `bad_request` for an unusable Idempotency-Key, `forbidden` for a cross-site request */
export async function requestContext(db: Db, request: Request, requestId: string): Promise<RequestContext> {
  const { headers, method } = request;
  const common = {
    db,
    requestId,
    address: clientAddress(headers),
    idempotencyKey: idempotencyKeyOf(headers),
  };
  try {
    return { ...common, identity: await resolveIdentity(db, headers, method), refusal: null };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "unauthorized") throw error;
    return { ...common, identity: null, refusal: error };
  }
}

function idempotencyKeyOf(headers: Headers): string | null {
  const key = headers.get("idempotency-key");
  if (key === null) return null;
  if (/^[\x21-\x7e]{1,200}$/.test(key)) return key;
  throw new AppError("bad_request", "The header Idempotency-Key must be 1 to 200 visible ASCII characters.");
}
