// A snapshot comes in: the bundle is checked and becomes a commit of ours, which is written down under its command, so
// that no word of the worker's is needed for it. No reference moves here; the head moves in the transaction that
// stores what the commit belongs to (invariant 8).
import type { BundleAnswer } from "../../../runner/protocol";
import { type Db, runStatement } from "../../db";
import { AppError } from "../../domain/errors";
import { Prisma } from "../../generated/prisma/client";
import { diffStat } from "../../workspaces/diff";
import { importBundle } from "../../workspaces/import-bundle";
import { WorkspaceRefused } from "../../workspaces/refusal";
import { createRepository } from "../../workspaces/repository";
import { requireLease } from "../queue/held-lease";
import { jobRepository } from "./job-repository";
import { prepareFiles } from "./workspace-files";

export interface ReceiveBundle {
  worker: string;
  job: string;
  fence: number;
  command: string;
}

/**
 * Takes in the bundle of a snapshot command.
 * @throws AppError as holdLease; `not_found` (no such snapshot under this lease)
 */
export async function receiveBundle(
  db: Db,
  upload: ReceiveBundle,
  bundle: AsyncIterable<Uint8Array>,
): Promise<BundleAnswer> {
  const { message, head, pinned } = await findSnapshot(db, upload);
  const dir = jobRepository(upload.job);
  try {
    await createRepository(dir);
    const { commit, tree, unchanged, files } = await importBundle(dir, bundle, { parent: head, message });
    await noteMade(db, upload, commit, tree);
    if (!unchanged) prepareFiles(upload.job, commit, head, files);
    // Who needs it asks again, so a failure is nobody's here.
    if (!unchanged && pinned) diffStat(dir, head, commit).catch(() => undefined);
    return { accepted: true, commit, tree };
  } catch (error) {
    if (error instanceof WorkspaceRefused) return { accepted: false, reason: error.message };
    throw error;
  }
}

interface Snapshot {
  message: string;
  head: string | null;
  /** It belongs to a turn, whose changes will be looked at. */
  pinned: boolean;
}

async function findSnapshot(db: Db, { worker, job, fence, command }: ReceiveBundle): Promise<Snapshot> {
  const [found] = await runStatement<Snapshot>(
    db,
    Prisma.sql`
    SELECT c.spec->>'message' AS message, j.head_commit AS head, c.pinned FROM job j JOIN command c ON c.job_id = j.id
    WHERE j.public_id = ${job} AND j.lease_worker_id = ${worker} AND j.fence = ${fence}::int
      AND c.id = ${command} AND c.fence = j.fence AND c.state = 'running' AND c.spec->>'kind' = 'snapshot'`,
  );
  return found ?? refuse(db, { worker, job, fence, command });
}

async function noteMade(db: Db, upload: ReceiveBundle, commit: string, tree: string): Promise<void> {
  const { worker, job, fence, command } = upload;
  const noted = await db.$executeRaw`
    UPDATE command SET made_commit = ${commit}, made_tree = ${tree}
    FROM job j WHERE j.id = command.job_id AND j.public_id = ${job} AND j.lease_worker_id = ${worker}
      AND j.fence = ${fence}::int AND command.id = ${command} AND command.fence = j.fence AND command.state = 'running'`;
  if (noted === 0) await refuse(db, upload);
}

async function refuse(db: Db, { worker, job, fence }: ReceiveBundle): Promise<never> {
  await requireLease(db, worker, job, fence);
  throw new AppError("not_found", "There is no such snapshot under this lease.");
}
