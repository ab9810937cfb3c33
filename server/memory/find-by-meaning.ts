// Learnings that mean something like a question. With the extension for vectors its index finds them; without it the
// signatures of all vectors of the team narrow them down to some hundred, whose cosine is then reckoned in full.
import { type Db, runStatement } from "../db";
import { Prisma } from "../generated/prisma/client";
import { hasVectorIndex } from "./vector-index";
import { realArray, signatureOf } from "./vectors";

/** Vectors whose signatures are closest, and which are compared in full. */
const COMPARED = 300;
/** What the index keeps in hand while it searches; more finds more of the closest and takes longer. */
const SEARCHED = 200;
/** The index goes past the vectors of other teams one by one, so that a team of few is looked through without it. */
const FEW = 1_000;

export interface Near {
  id: bigint;
  /** -1 to 1; 1 means the same direction. */
  cosine: number;
}

/**
 * The learnings of a team that are closest to a vector, closest first.
 * @param vector of length 1, made by `embedder`
 */
export async function findByMeaning(
  db: Db,
  team: bigint,
  embedder: string,
  vector: readonly number[],
  most: number,
): Promise<Near[]> {
  const indexed = (await hasVectorIndex(db)) && (await hasMany(db, team));
  return indexed ? byIndex(db, team, embedder, vector, most) : bySignature(db, team, embedder, vector, most);
}

async function hasMany(db: Db, team: bigint): Promise<boolean> {
  const [row] = await runStatement<{ many: boolean }>(
    db,
    Prisma.sql`SELECT EXISTS (SELECT 1 FROM learning_vector WHERE team_id = ${team} OFFSET ${FEW}::int) AS many`,
  );
  return row?.many === true;
}

function bySignature(
  db: Db,
  team: bigint,
  embedder: string,
  vector: readonly number[],
  most: number,
): Promise<Near[]> {
  return runStatement<Near>(
    db,
    Prisma.sql`
    WITH close AS MATERIALIZED (
      SELECT learning_id, embedding FROM learning_vector
      WHERE team_id = ${team} AND embedder = ${embedder}
      ORDER BY bit_count(signature # ${signatureOf(vector)}::bit(768)) LIMIT ${COMPARED}::int
    )
    SELECT c.learning_id AS id, (
      SELECT sum(pair.a * pair.b)::float8 FROM unnest(c.embedding, ${realArray(vector)}::real[]) AS pair(a, b)
    ) AS cosine
    FROM close c ORDER BY cosine DESC, id DESC LIMIT ${most}::int`,
  );
}

function byIndex(
  db: Db,
  team: bigint,
  embedder: string,
  vector: readonly number[],
  most: number,
): Promise<Near[]> {
  const wanted = Prisma.sql`${realArray(vector)}::real[]::vector(768)`;
  return db.$transaction(async (tx) => {
    // It must go on past other teams' vectors until enough are found. A sort looks cheap to the planner, which does not
    // know what reading a vector in full costs.
    await tx.$queryRaw`SELECT set_config('hnsw.ef_search', ${String(SEARCHED)}, true),
      set_config('hnsw.iterative_scan', 'strict_order', true), set_config('enable_sort', 'off', true)`;
    return tx.$queryRaw<Near[]>`
      SELECT learning_id AS id, 1 - (embedding::vector(768) <=> ${wanted}) AS cosine FROM learning_vector
      WHERE team_id = ${team} AND embedder = ${embedder}
      ORDER BY embedding::vector(768) <=> ${wanted} LIMIT ${most}::int`;
  });
}
