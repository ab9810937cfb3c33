// A token for a program: no stronger than its owner, told once, kept only as a hash.
import { z } from "zod";
import { type Ctx, requireRole } from "../../context";
import { AppError } from "../../domain/errors";
import { newSecretToken } from "./secret-token";

const MOST_PER_USER = 50;

export const createApiTokenInput = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1, "must not be empty")
    .max(80, "at most 80 characters")
    .refine((name) => !/\p{Cc}/u.test(name) && name.isWellFormed(), "must be one line of plain text"),
  role: z.enum(["admin", "member", "viewer"]).default("member"),
});

export const apiTokenView = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(["admin", "member", "viewer"]),
  created_at: z.string(),
  last_used_at: z.string().nullable(),
});
export const newApiTokenView = apiTokenView.extend({ token: z.string() });

interface TokenRow {
  id: bigint;
  name: string;
  role: z.infer<typeof apiTokenView>["role"];
  createdAt: Date;
  lastUsedAt: Date | null;
}

export function toApiTokenView(row: TokenRow): z.infer<typeof apiTokenView> {
  return {
    id: String(row.id),
    name: row.name,
    role: row.role,
    created_at: row.createdAt.toISOString(),
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
  };
}

/**
 * @param family the sign-in that asks; null for an API token, which must not make others that outlive it
 * @throws AppError `forbidden` (a role above one's own, or asked by an API token), `conflict` (too many)
 */
export async function createApiToken({
  ctx: { db, actor },
  family,
  input,
}: {
  ctx: Ctx;
  family: string | null;
  input: z.infer<typeof createApiTokenInput>;
}): Promise<z.infer<typeof newApiTokenView>> {
  if (family === null)
    throw new AppError("forbidden", "An API token cannot make API tokens; sign in to do so.");
  requireRole(actor, input.role);
  const owner = { userId: actor.userId, teamId: actor.teamId };
  const present = await db.apiToken.count({ where: { ...owner, revokedAt: null } });
  if (present >= MOST_PER_USER) {
    throw new AppError("conflict", `There are ${MOST_PER_USER} API tokens already; revoke one first.`);
  }
  const { token, hash } = newSecretToken("fab_");
  const row = await db.apiToken.create({ data: { ...owner, ...input, hash } });
  return { ...toApiTokenView(row), token };
}
