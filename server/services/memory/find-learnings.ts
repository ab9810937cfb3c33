// Hybrid retrieval: by words and, where an embedder answers, by meaning; two lists become one.
import type { Db } from "../../db";
import type { Learning } from "../../generated/prisma/client";
import { log } from "../../log";
import { NoEmbedder } from "../../memory/embedder";
import { findByMeaning } from "../../memory/find-by-meaning";
import { findByText } from "../../memory/find-by-text";
import { readLearnings } from "../../memory/learning-rows";
import { type Asking, rank } from "../../memory/rank";
import { embedder } from "./embedder";

/** Length of each list before they are made one. */
const LISTED = 100;
/** A question is embedded while somebody waits. */
const EMBED_MS = 3_000;
/** Less alike than this is no match: with nomic-embed-text texts about different things have about 0.5. */
const LEAST_COSINE = 0.55;
const MOST_PINNED = 50;

export interface Question {
  team: bigint;
  /** What is looked for; what matters most first. */
  text: string;
  asking: Asking;
  /** Words that a learning must share with the text, when it is not found by its meaning. */
  leastWords: number;
  /** Whether pinned ones of the same repository, and of none, come even when no word fits. */
  withPinned: boolean;
}

export interface Found {
  /** Best first. */
  ranked: { learning: Learning; relevance: number }[];
  /** Whether meaning was looked at, and if not though there is an embedder, why. */
  byMeaning: boolean;
  note: string | null;
}

/** The learnings of a team that fit a question. */
export async function findLearnings(db: Db, question: Question): Promise<Found> {
  const { team, text, asking, leastWords } = question;
  const [matches, near, pinned] = await Promise.all([
    findByText(db, team, text, LISTED),
    nearest(db, team, text),
    question.withPinned ? pinnedOf(db, team, asking) : [],
  ]);
  const byText = matches.filter(({ words }) => words >= leastWords).map(({ id }) => id);
  const byMeaning = near.ids ?? [];
  const ids = [...new Set([...byText, ...byMeaning, ...pinned])];
  const known = await readLearnings(db, team, ids);
  return {
    ranked: rank([byText, byMeaning], known, asking),
    byMeaning: near.ids !== null,
    note: near.note,
  };
}

async function nearest(
  db: Db,
  team: bigint,
  text: string,
): Promise<{ ids: bigint[] | null; note: string | null }> {
  const source = embedder();
  if (!source) return { ids: null, note: null };
  try {
    const [vector] = await source.embed([text], "query", EMBED_MS);
    const near = vector ? await findByMeaning(db, team, source.name, vector, LISTED) : [];
    return { ids: near.filter(({ cosine }) => cosine >= LEAST_COSINE).map(({ id }) => id), note: null };
  } catch (error) {
    if (!(error instanceof NoEmbedder)) throw error;
    log.warn({ reason: error.message }, "learnings are found by their words alone");
    return { ids: null, note: error.message };
  }
}

async function pinnedOf(db: Db, team: bigint, { projectId }: Asking): Promise<bigint[]> {
  const rows = await db.learning.findMany({
    where: {
      teamId: team,
      pinned: true,
      deletedAt: null,
      OR: [{ projectId: null }, ...(projectId ? [{ projectId }] : [])],
    },
    orderBy: { id: "desc" },
    take: MOST_PINNED,
    select: { id: true },
  });
  return rows.map(({ id }) => id);
}
