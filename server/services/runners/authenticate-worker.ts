import type { Db } from "../../db";
import { AppError } from "../../domain/errors";
import type { Worker } from "../../generated/prisma/client";
import { hashToken } from "../auth/secret-token";

/**
 * The worker whose token this is, if its id is the one in the address.
 * @throws AppError `unauthorized`
 */
export async function authenticateWorker(db: Db, id: string, token: string): Promise<Worker> {
  const worker = token ? await db.worker.findUnique({ where: { tokenHash: hashToken(token) } }) : null;
  if (!worker || worker.id !== id)
    throw new AppError("unauthorized", "This worker token is not valid (any more).");
  return worker;
}
