// From proof to person: who a session or an API token stands for right now. Asked on every request, so that
// a revoked session, a removed member or a raised epoch counts at once.
import type { Actor, TeamRole } from "../../context";
import type { Db } from "../../db";
import type { SessionClaims } from "./access-token";
import { hashToken } from "./secret-token";

interface ActorRow {
  user_id: bigint;
  username: string;
  email: string;
  team_id: bigint;
  slug: string;
  role: TeamRole;
}

function toActor(row: ActorRow): Actor {
  return {
    userId: row.user_id,
    username: row.username,
    email: row.email,
    teamId: row.team_id,
    teamSlug: row.slug,
    role: row.role,
  };
}

/** The actor of a session, or null when it was ended, its user changed the epoch or left the team. */
export async function actorOfSession(db: Db, claims: SessionClaims): Promise<Actor | null> {
  const rows = await db.$queryRaw<ActorRow[]>`
    SELECT u.id AS user_id, u.username, u.email, t.id AS team_id, t.slug, m.role::text AS role
    FROM "user" u
    JOIN membership m ON m.user_id = u.id AND m.team_id = ${claims.teamId}
    JOIN team t ON t.id = m.team_id
    WHERE u.id = ${claims.userId} AND u.session_epoch = ${claims.epoch}::int
      AND EXISTS (
        SELECT 1 FROM refresh_token r
        WHERE r.family = ${claims.family} AND r.user_id = u.id AND r.expires_at > now())`;
  return rows[0] ? toActor(rows[0]) : null;
}

const WEAKER: Record<TeamRole, TeamRole[]> = {
  admin: ["admin", "member", "viewer"],
  member: ["member", "viewer"],
  viewer: ["viewer"],
};

/**
 * The actor of an API token, with the weaker of the token's and its owner's role.
 * @returns null when the token is unknown or revoked, or its owner left the team
 */
export async function actorOfApiToken(db: Db, token: string): Promise<{ actor: Actor; id: bigint } | null> {
  const rows = await db.$queryRaw<(ActorRow & { id: bigint; token_role: TeamRole; stale: boolean })[]>`
    SELECT a.id, u.id AS user_id, u.username, u.email, t.id AS team_id, t.slug, m.role::text AS role,
      a.role::text AS token_role, (a.last_used_at IS NULL OR a.last_used_at < now() - interval '1 minute') AS stale
    FROM api_token a
    JOIN "user" u ON u.id = a.user_id
    JOIN membership m ON m.user_id = u.id AND m.team_id = a.team_id
    JOIN team t ON t.id = a.team_id
    WHERE a.hash = ${hashToken(token)} AND a.revoked_at IS NULL`;
  const [row] = rows;
  if (!row) return null;
  if (row.stale) await db.$executeRaw`UPDATE api_token SET last_used_at = now() WHERE id = ${row.id}`;
  const role = WEAKER[row.role].includes(row.token_role) ? row.token_role : row.role;
  return { actor: toActor({ ...row, role }), id: row.id };
}
