// Who asks. Every service that a person or program can reach takes an actor; its team is in every query.
import type { Db } from "./db";
import { AppError } from "./domain/errors";

export type TeamRole = "admin" | "member" | "viewer";

export interface Actor {
  userId: bigint;
  username: string;
  email: string;
  teamId: bigint;
  teamSlug: string;
  role: TeamRole;
}

export interface Ctx {
  db: Db;
  actor: Actor;
}

const STRENGTH: Record<TeamRole, number> = { viewer: 0, member: 1, admin: 2 };

/** Refuses an actor whose role in the team is weaker than `least`. */
export function requireRole(actor: Actor, least: TeamRole): void {
  if (STRENGTH[actor.role] < STRENGTH[least]) {
    throw new AppError("forbidden", `This needs the role ${least}; you are ${actor.role} in this team.`);
  }
}
