// The index for vectors, where the database has the extension for it. Nothing needs it: without it the same is found
// more slowly, so whatever goes wrong here is told and left.
import { type Db, listeningClient, runStatement } from "../db";
import { Prisma } from "../generated/prisma/client";
import { log } from "../log";

const INDEX = "learning_vector_hnsw";
/** First version whose index goes on searching past rows of other teams. */
const LEAST_VERSION = [0, 8] as const;
/** Only one process makes it at a time. */
const LOCK = 72_707_490;
const BUILD_MS = 60 * 60_000;
/** A graph that does not fit is built many times more slowly; 100,000 vectors take about so much. */
const BUILD_MEMORY = "512MB";

const ready = new WeakMap<object, Promise<boolean>>();

/** Whether the index can be used. Asked once a client, and again after it was made. */
export function hasVectorIndex(db: Db): Promise<boolean> {
  let known = ready.get(db);
  if (!known) {
    known = isThere(db).catch((error: unknown) => {
      ready.delete(db);
      throw error;
    });
    ready.set(db, known);
  }
  return known;
}

async function isThere(db: Db): Promise<boolean> {
  const [row] = await runStatement<{ valid: boolean; version: string | null }>(
    db,
    Prisma.sql`
    SELECT COALESCE((SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relname = ${INDEX} AND i.indrelid = 'learning_vector'::regclass), false) AS valid,
      (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS version`,
  );
  return row?.valid === true && isNewEnough(row.version);
}

function isNewEnough(version: string | null): boolean {
  const [major = 0, minor = 0] = (version ?? "0.0").split(".").map(Number);
  return major > LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor >= LEAST_VERSION[1]);
}

/**
 * Makes the extension and the index where they can be had. Takes a minute for 50,000 vectors and blocks nobody.
 * @param url of the same database: a connection of its own, because nothing is heard of it meanwhile
 * @returns whether the index is there now
 */
export async function makeVectorIndex(db: Db, url: string): Promise<boolean> {
  try {
    const made = (await isThere(db)) || (await build(db, url));
    ready.set(db, Promise.resolve(made));
    return made;
  } catch (error) {
    log.warn(
      { error: String(error) },
      "the index for vectors could not be made; learnings are compared without it",
    );
    return false;
  }
}

/** Its lock goes with its connection. A build that was cut off leaves an index that is not valid, and is begun again. */
async function build(db: Db, url: string): Promise<boolean> {
  const client = listeningClient(url, BUILD_MS);
  client.on("error", () => undefined); // The statement under way fails with it.
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string }>(
      "SELECT COALESCE(installed_version, default_version) AS version FROM pg_available_extensions WHERE name = 'vector'",
    );
    if (!isNewEnough(rows[0]?.version ?? null)) return false;
    await client.query("SELECT pg_advisory_lock($1)", [LOCK]);
    await client.query("CREATE EXTENSION IF NOT EXISTS vector");
    if (await isThere(db)) return true;
    await client.query(`DROP INDEX IF EXISTS ${INDEX}`);
    await client.query(`SET maintenance_work_mem = '${BUILD_MEMORY}'`);
    await client.query(
      `CREATE INDEX CONCURRENTLY ${INDEX} ON learning_vector USING hnsw ((embedding::vector(768)) vector_cosine_ops)`,
    );
    return true;
  } finally {
    await client.end();
  }
}
