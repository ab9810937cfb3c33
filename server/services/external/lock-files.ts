import type { LockAnswer } from "../../../runner/protocol";
import type { Db } from "../../db";
import { touchFiles } from "../locks/touch-files";
import { holdExternal, type LeaseCall } from "./external-lease";

/**
 * Takes files that an external agent is about to change. What others hold stays theirs and is named; the conflict is
 * flagged on both jobs. A new project shares its files with nobody.
 * @throws AppError as holdExternal
 */
export async function lockFiles(db: Db, call: LeaseCall & { files: readonly string[] }): Promise<LockAnswer> {
  const job = await db.$transaction((tx) => holdExternal(tx, call));
  return touchFiles(db, job, call.files);
}
