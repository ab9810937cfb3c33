// Who is asking, and in which teams.
import type { Ctx } from "../../context";
import type { MeView } from "../../domain/outputs";

export async function me({ ctx: { db, actor } }: { ctx: Ctx }): Promise<MeView> {
  const memberships = await db.membership.findMany({
    where: { userId: actor.userId },
    include: { team: true },
    orderBy: { teamId: "asc" },
  });
  return {
    username: actor.username,
    email: actor.email,
    team: actor.teamSlug,
    role: actor.role,
    teams: memberships.map(({ team, role }) => ({ slug: team.slug, name: team.name, role })),
  };
}
