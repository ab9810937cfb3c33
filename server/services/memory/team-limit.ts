import type { Db } from "../../db";
import { AppError } from "../../domain/errors";

/** Learnings of a team; what it has beyond some ten thousand is hardly ever told again. */
const MOST_PER_TEAM = 100_000;

/** How many more learnings a team may have. */
export async function roomForLearnings(db: Db, team: bigint): Promise<number> {
  const present = await db.learning.count({ where: { teamId: team, deletedAt: null } });
  return Math.max(0, MOST_PER_TEAM - present);
}

/** @throws AppError `conflict` when the team has no room for so many more */
export async function requireRoom(db: Db, team: bigint, more: number): Promise<void> {
  if ((await roomForLearnings(db, team)) < more)
    throw new AppError("conflict", `A team has at most ${MOST_PER_TEAM} learnings; delete some first.`);
}
