// POST /api/setup: makes the first admin, for whoever started this installation and so holds its setup token.
import { type Db, db as processDb } from "../../db";
import { AppError } from "../../domain/errors";
import { setupInput } from "../../domain/inputs";
import { env } from "../../env";
import { sameSecret } from "../../services/auth/secret-token";
import { setupFactory } from "../../services/auth/setup-factory";
import { clientAddress } from "../client-address";
import { errorResponse, toAppError } from "../errors";
import { limitRequest, RateLimited } from "../rate-limit";
import { readJsonObject } from "../read-body";
import { requestIdOf } from "../request-context";

/** 201 with the names, 409 when a user exists already. Never throws. */
export async function handleSetup(request: Request, db: Db = processDb()): Promise<Response> {
  const requestId = requestIdOf(request.headers);
  try {
    await limitRequest(db, null, clientAddress(request.headers));
    requireSetupToken(request.headers.get("authorization") ?? "");
    const input = setupInput.parse(await readJsonObject(request));
    const made = await setupFactory({ ctx: { db }, input });
    return Response.json(made, {
      status: 201,
      headers: { "Cache-Control": "no-store", "X-Request-Id": requestId },
    });
  } catch (error) {
    return errorResponse(
      toAppError(error, requestId),
      requestId,
      error instanceof RateLimited ? error.headers : {},
    );
  }
}

function requireSetupToken(authorization: string): void {
  const expected = env().FABRICA_SETUP_TOKEN;
  if (!expected) {
    throw new AppError("forbidden", "Setting up over the network is off: FABRICA_SETUP_TOKEN is not set.");
  }
  if (!sameSecret(authorization, `Bearer ${expected}`)) {
    throw new AppError("unauthorized", "The setup token is not right.");
  }
}
