// The rows of learnings and their vectors. Invariants: a team has no two learnings with one hash, and every statement
// names the team, so that nothing of another one is ever found or changed.
import { type Db, runStatement, type Tx } from "../db";
import type { NewLearning } from "../domain/learning";
import { type Learning, Prisma } from "../generated/prisma/client";
import { DIMENSIONS, realArray, signatureOf } from "./vectors";

/** A learning as it is stored, freed of secrets. */
export interface LearningRow extends NewLearning {
  hash: string;
}

/** Whose learnings these are and where they come from. */
export interface Source {
  team: bigint;
  origin: "job" | "person" | "file";
  project: bigint | null;
  job: bigint | null;
  run: number | null;
  person: bigint | null;
}

const LEARNING_LOCK = 72_707;

interface Inserted {
  id: bigint;
  hash: string;
  /** False when it was there already; then it counts as found once more. */
  fresh: boolean;
}

/**
 * Stores learnings, each once.
 * @param revive whether one that a person deleted may come back: only when a person says it again
 * @returns one row for each that is there now; none for what was deleted and stays so
 */
export async function insertLearnings(
  at: Db | Tx,
  source: Source,
  rows: readonly LearningRow[],
  revive: boolean,
): Promise<Inserted[]> {
  if (rows.length === 0) return [];
  const given = JSON.stringify(rows);
  return runStatement<Inserted>(
    at,
    Prisma.sql`
    INSERT INTO learning (team_id, origin, project_id, job_id, run, created_by_id, kind, title, text, stack, files, hash)
    SELECT ${source.team}, ${source.origin}, ${source.project}::bigint, ${source.job}::bigint, ${source.run}::int,
      ${source.person}::bigint, r.kind, r.title, r.text, r.stack, r.files, r.hash
    FROM jsonb_to_recordset(${given}::jsonb)
      AS r(kind text, title text, text text, stack text[], files text[], hash text) ORDER BY r.hash
    ON CONFLICT (team_id, hash) DO UPDATE SET found = learning.found + 1, found_at = now(), deleted_at = NULL,
      kind = CASE WHEN learning.deleted_at IS NULL THEN learning.kind ELSE EXCLUDED.kind END,
      title = CASE WHEN learning.deleted_at IS NULL THEN learning.title ELSE EXCLUDED.title END,
      text = CASE WHEN learning.deleted_at IS NULL THEN learning.text ELSE EXCLUDED.text END,
      stack = CASE WHEN learning.deleted_at IS NULL THEN learning.stack ELSE EXCLUDED.stack END,
      files = CASE WHEN learning.deleted_at IS NULL THEN learning.files ELSE EXCLUDED.files END,
      project_id = CASE WHEN learning.deleted_at IS NULL THEN learning.project_id ELSE EXCLUDED.project_id END
    WHERE learning.deleted_at IS NULL OR ${revive}::bool
    RETURNING id, hash, (xmax = 0) AS fresh`,
  );
}

/** Writers of many learnings of a team come one after the other, so that none waits for what another one holds. */
export async function lockTeam(tx: Tx, team: bigint): Promise<void> {
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(${LEARNING_LOCK}::int, (${team} % 2147483647)::int)::text`;
}

/** Notes that learnings were found once more. */
export async function refreshLearnings(at: Db | Tx, team: bigint, ids: readonly bigint[]): Promise<void> {
  if (ids.length === 0) return;
  await at.learning.updateMany({
    where: { id: { in: [...ids] }, teamId: team, deletedAt: null },
    data: { found: { increment: 1 }, foundAt: new Date() },
  });
}

/** Learnings of the team by id, in no order. */
export function readLearnings(at: Db | Tx, team: bigint, ids: readonly bigint[]): Promise<Learning[]> {
  if (ids.length === 0) return Promise.resolve([]);
  return at.learning.findMany({ where: { id: { in: [...ids] }, teamId: team, deletedAt: null } });
}

/** Its words go, and with them what they mean; the hash stays, so that no job brings it back. */
export async function eraseLearning(at: Db | Tx, team: bigint, id: bigint): Promise<boolean> {
  const gone = await runStatement(
    at,
    Prisma.sql`
    WITH erased AS (
      UPDATE learning SET deleted_at = now(), title = '', text = '', files = '{}', pinned = false
      WHERE id = ${id} AND team_id = ${team} AND deleted_at IS NULL RETURNING id
    ), forgotten AS (DELETE FROM learning_vector v USING erased e WHERE v.learning_id = e.id)
    SELECT id FROM erased`,
  );
  return gone.length > 0;
}

/** Learnings whose meaning is not known yet, or only as another model sees it: oldest first, of all teams. */
export function withoutVector(at: Db, embedder: string, most: number): Promise<Learning[]> {
  return at.learning.findMany({
    where: { deletedAt: null, OR: [{ vector: { is: null } }, { vector: { isNot: { embedder } } }] },
    orderBy: { id: "asc" },
    take: most,
  });
}

/** What was embedded. A learning that was changed or deleted in the meantime is left for the next time. */
export async function storeVectors(
  at: Db | Tx,
  embedder: string,
  vectors: readonly { id: bigint; hash: string; unit: readonly number[] }[],
): Promise<void> {
  if (vectors.length === 0) return;
  const rows = vectors.map(({ id, hash, unit }) => ({
    id: String(id),
    hash,
    signature: signatureOf(unit),
    embedding: realArray(unit),
  }));
  await runStatement(
    at,
    Prisma.sql`
    INSERT INTO learning_vector (learning_id, team_id, embedder, signature, embedding)
    SELECT l.id, l.team_id, ${embedder}, r.signature::bit(${Prisma.raw(String(DIMENSIONS))}), r.embedding::real[]
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS r(id bigint, hash text, signature text, embedding text)
      JOIN learning l ON l.id = r.id AND l.hash = r.hash AND l.deleted_at IS NULL
    ON CONFLICT (learning_id) DO UPDATE
      SET embedder = EXCLUDED.embedder, signature = EXCLUDED.signature, embedding = EXCLUDED.embedding`,
  );
}
