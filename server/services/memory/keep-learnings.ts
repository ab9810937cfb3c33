// What a run of a job found out becomes learnings of its team, once a run: new ones are stored, what the team knows
// already is noted as found once more. The same transaction settles what its agents had been told.
import type { Db } from "../../db";
import type { LearningOutcome, NewLearning } from "../../domain/learning";
import type { Job } from "../../generated/prisma/client";
import { log } from "../../log";
import { NoEmbedder } from "../../memory/embedder";
import { findByMeaning } from "../../memory/find-by-meaning";
import { findByText } from "../../memory/find-by-text";
import {
  insertLearnings,
  type LearningRow,
  lockTeam,
  readLearnings,
  refreshLearnings,
  storeVectors,
} from "../../memory/learning-rows";
import { likeness } from "../../memory/tidy-learning";
import { cleanLearnings } from "./clean-learning";
import { embedder, wordsToEmbed } from "./embedder";
import { settleUses } from "./end-of-run";
import { roomForLearnings } from "./team-limit";

/** One run's; what comes first counts. */
const MOST_A_RUN = 60;
const EMBED_MS = 15_000;
/** From here on two learnings say the same: so many of their words, or so much of their meaning. */
const SAME_WORDS = 0.8;
const SAME_MEANING = 0.96;
const COMPARED = 5;

interface Fresh {
  row: LearningRow;
  unit: number[] | null;
  /** One that the team has already and that says nearly the same. */
  known: bigint | null;
}

export interface Kept {
  /** New learnings, and how often a known one was found once more. */
  taken: number;
  refreshed: number;
}

/**
 * Stores what a run found out and settles what its agents were told.
 * @param learnings as they were found; secrets are taken out here
 * @returns null when this was done before
 */
export async function keepLearnings(
  db: Db,
  job: Job,
  run: number,
  outcome: LearningOutcome,
  learnings: readonly NewLearning[],
): Promise<Kept | null> {
  const done = await db.learningPass.count({ where: { jobId: job.id, run } });
  if (done > 0) return null;
  const room = await roomForLearnings(db, job.teamId);
  const rows = cleanLearnings(learnings).slice(0, Math.min(MOST_A_RUN, room));
  const fresh = await compared(db, job.teamId, rows);
  return db.$transaction(async (tx) => {
    await lockTeam(tx, job.teamId);
    const begun = await tx.$executeRaw`
      INSERT INTO learning_pass (job_id, run, outcome, taken, refreshed)
      VALUES (${job.id}, ${run}::int, ${outcome}, 0, 0) ON CONFLICT DO NOTHING`;
    if (begun === 0) return null;
    const source = {
      team: job.teamId,
      origin: "job" as const,
      project: job.projectId,
      job: job.id,
      run,
      person: null,
    };
    const known = fresh.flatMap((one) => one.known ?? []);
    await refreshLearnings(tx, job.teamId, known);
    const stored = await insertLearnings(
      tx,
      source,
      fresh.flatMap((one) => (one.known === null ? one.row : [])),
      false,
    );
    await keepVectors(tx, stored, fresh);
    await settleUses(tx, job.id, run, outcome);
    const taken = stored.filter((one) => one.fresh).length;
    const kept = { taken, refreshed: stored.length - taken + known.length };
    await tx.learningPass.update({ where: { jobId_run: { jobId: job.id, run } }, data: kept });
    return kept;
  });
}

/** Looks for each in what the team has: by its words, and by its meaning where an embedder answers. */
async function compared(db: Db, team: bigint, rows: readonly LearningRow[]): Promise<Fresh[]> {
  const source = embedder();
  const units = await unitsOf(rows);
  const fresh: Fresh[] = [];
  for (const [i, row] of rows.entries()) {
    const unit = units?.[i] ?? null;
    const near = unit && source ? await findByMeaning(db, team, source.name, unit, 1) : [];
    const same = near.find(({ cosine }) => cosine >= SAME_MEANING)?.id;
    fresh.push({ row, unit, known: same ?? (await sameWords(db, team, row)) });
  }
  return fresh;
}

async function unitsOf(rows: readonly LearningRow[]): Promise<number[][] | null> {
  try {
    return (await embedder()?.embed(rows.map(wordsToEmbed), "document", EMBED_MS)) ?? null;
  } catch (error) {
    if (!(error instanceof NoEmbedder)) throw error;
    log.warn({ reason: error.message }, "learnings are stored without their meaning; it is found out later");
    return null;
  }
}

/** What has the very same words is left to the hash: it knows also what people deleted. */
async function sameWords(db: Db, team: bigint, row: LearningRow): Promise<bigint | null> {
  const matches = await findByText(db, team, wordsToEmbed(row), COMPARED);
  const others = await readLearnings(
    db,
    team,
    matches.map(({ id }) => id),
  );
  if (others.some(({ hash }) => hash === row.hash)) return null;
  const same = others.find((other) => likeness(wordsToEmbed(other), wordsToEmbed(row)) >= SAME_WORDS);
  return same?.id ?? null;
}

async function keepVectors(
  tx: Parameters<typeof storeVectors>[0],
  stored: readonly { id: bigint; hash: string; fresh: boolean }[],
  fresh: readonly Fresh[],
): Promise<void> {
  const source = embedder();
  if (!source) return;
  const unitOf = new Map(fresh.flatMap(({ row, unit }) => (unit ? [[row.hash, unit] as const] : [])));
  const vectors = stored.flatMap(({ id, hash, fresh: isNew }) => {
    const unit = isNew ? unitOf.get(hash) : undefined;
    return unit ? [{ id, hash, unit }] : [];
  });
  await storeVectors(tx, source.name, vectors);
}
