// Checks name and password. Guessing is slow: 5 tries a minute for an address and a name, and an unknown name
// is refused in the same words after the same time as a wrong password.
import type { z } from "zod";
import type { Db } from "../../db";
import { AppError } from "../../domain/errors";
import type { loginInput } from "../../domain/inputs";
import { countRequest } from "../limits/rate-limit";
import { passwordFits } from "./password";

/** What is known before anybody has signed in. */
export interface VisitorCtx {
  db: Db;
  /** Network address of the client. */
  address: string;
}

export interface KnownUser {
  id: bigint;
  username: string;
  email: string;
  epoch: number;
  teamId: bigint;
}

/**
 * @returns the user with their first team
 * @throws AppError `unauthorized` when name or password is wrong, `rate_limited` after too many tries
 */
export async function verifyLogin({
  ctx,
  input,
}: {
  ctx: VisitorCtx;
  input: z.infer<typeof loginInput>;
}): Promise<KnownUser> {
  const name = input.username.toLowerCase();
  await refuseGuessing(ctx, name);
  const user = await ctx.db.user.findFirst({
    // Stored in lower case. Not compared with `mode: "insensitive"`, which takes % and _ for wildcards.
    where: name.includes("@") ? { email: name } : { username: name },
    include: { memberships: { orderBy: { teamId: "asc" }, take: 1 } },
  });
  const fits = await passwordFits(user?.passwordHash ?? null, input.password);
  const team = user?.memberships[0];
  if (!user || !fits) throw new AppError("unauthorized", "The name or the password is wrong.");
  if (!team)
    throw new AppError("forbidden", "This account belongs to no team. Ask an admin to add it to one.");
  return {
    id: user.id,
    username: user.username,
    email: user.email,
    epoch: user.sessionEpoch,
    teamId: team.teamId,
  };
}

async function refuseGuessing({ db, address }: VisitorCtx, name: string): Promise<void> {
  const verdicts = [
    await countRequest(db, "login", `${address} ${name}`),
    await countRequest(db, "login_address", address),
  ];
  const refused = verdicts.find((verdict) => !verdict.allowed);
  if (!refused) return;
  throw new AppError(
    "rate_limited",
    `Too many attempts to sign in. Try again in ${refused.resetSeconds} seconds.`,
    refused.resetSeconds,
  );
}
