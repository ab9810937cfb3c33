// The very first admin and team. Possible once, by whoever holds the setup token of this start.
import type { z } from "zod";
import type { Db } from "../../db";
import { AppError } from "../../domain/errors";
import type { setupInput } from "../../domain/inputs";
import { hashPassword } from "./password";

/** Any number that no other advisory lock of the app uses. */
const SETUP_LOCK = 41_001;

/** Whether nobody has been made yet. */
export async function needsSetup(db: Db): Promise<boolean> {
  return (await db.user.findFirst({ select: { id: true } })) === null;
}

/** @throws AppError `conflict` when a user exists already */
export async function setupFactory({
  ctx: { db },
  input,
}: {
  ctx: { db: Db };
  input: z.infer<typeof setupInput>;
}): Promise<{ username: string; team: string }> {
  const passwordHash = await hashPassword(input.password);
  return db.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT pg_advisory_xact_lock(${SETUP_LOCK})::text`;
    if (await tx.user.findFirst({ select: { id: true } })) {
      throw new AppError("conflict", "Fabrica is set up already. Sign in instead.");
    }
    const team = await tx.team.create({ data: { name: input.team, slug: slugOf(input.team) } });
    const user = await tx.user.create({
      data: { email: input.email.toLowerCase(), username: input.username, passwordHash },
    });
    await tx.membership.create({ data: { userId: user.id, teamId: team.id, role: "admin" } });
    return { username: user.username, team: team.slug };
  });
}

function slugOf(name: string): string {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "team";
}
