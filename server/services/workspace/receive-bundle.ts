// A snapshot comes in: the bundle is checked and becomes a commit of ours. No reference moves here; the head moves
// in the transaction that stores what the commit belongs to (invariant 8).
import type { BundleAnswer, CommandSpec } from "../../../runner/protocol";
import type { Db } from "../../db";
import { AppError } from "../../domain/errors";
import { importBundle } from "../../workspaces/import-bundle";
import { WorkspaceRefused } from "../../workspaces/refusal";
import { createRepository } from "../../workspaces/repository";
import { holdLease } from "../queue/held-lease";
import { jobRepository } from "./job-repository";

/**
 * Takes in the bundle of a snapshot command.
 * @throws AppError as holdLease; `not_found` (no such snapshot under this lease)
 */
export async function receiveBundle(
  db: Db,
  { worker, job: publicId, fence, command }: { worker: string; job: string; fence: number; command: string },
  bundle: AsyncIterable<Uint8Array>,
): Promise<BundleAnswer> {
  const { job, message } = await db.$transaction(async (tx) => {
    const held = await holdLease(tx, worker, publicId, fence);
    const row = await tx.command.findFirst({
      where: { id: command, jobId: held.id, fence, state: "running" },
    });
    const spec = row?.spec as CommandSpec | undefined;
    if (spec?.kind !== "snapshot")
      throw new AppError("not_found", "There is no such snapshot under this lease.");
    return { job: held, message: spec.message };
  });
  const dir = jobRepository(publicId);
  try {
    await createRepository(dir);
    const { commit, tree } = await importBundle(dir, bundle, { parent: job.headCommit, message });
    return { accepted: true, commit, tree };
  } catch (error) {
    if (error instanceof WorkspaceRefused) return { accepted: false, reason: error.message };
    throw error;
  }
}
