// Finds out the meaning of learnings that have none yet: written by people, read from files, or stored while the
// embedder was away; and of all of them once another model is set.
import type { Db } from "../../db";
import { env } from "../../env";
import { log } from "../../log";
import { NoEmbedder } from "../../memory/embedder";
import { storeVectors, withoutVector } from "../../memory/learning-rows";
import { makeVectorIndex } from "../../memory/vector-index";
import { embedder, wordsToEmbed } from "./embedder";

const BATCH = 64;
/** The model may have to be loaded first. */
const EMBED_MS = 60_000;

/** @returns how many learnings have a vector now that had none; more may be left when it is not 0 */
export async function sweepVectors(db: Db): Promise<number> {
  const source = embedder();
  if (!source) return 0;
  let done = 0;
  for (;;) {
    const learnings = await withoutVector(db, source.name, BATCH);
    if (learnings.length === 0) return done;
    const units = await embedAll(source, learnings.map(wordsToEmbed));
    if (!units) return done;
    await storeVectors(
      db,
      source.name,
      learnings.map(({ id, hash }, i) => ({ id, hash, unit: units[i] as number[] })),
    );
    done += learnings.length;
  }
}

async function embedAll(source: NonNullable<ReturnType<typeof embedder>>, texts: string[]) {
  try {
    return await source.embed(texts, "document", EMBED_MS);
  } catch (error) {
    if (!(error instanceof NoEmbedder)) throw error;
    log.debug({ reason: error.message }, "the meaning of learnings is found out later");
    return null;
  }
}

/** Makes the index for vectors where the database can have one and somebody makes vectors. Never throws. */
export async function makeIndex(db: Db): Promise<void> {
  if (!embedder()) return;
  const made = await makeVectorIndex(db, env().DATABASE_URL);
  log.info(made ? "vectors have an index" : "vectors are compared without an index");
}
