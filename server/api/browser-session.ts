// Sign-in of browsers through next-auth. Its cookie names a sign-in of ours and is worth nothing after that ended.
import type { NextAuthOptions } from "next-auth";
import CredentialsProvider from "next-auth/providers/credentials";
import { db } from "../db";
import { AppError } from "../domain/errors";
import { loginInput } from "../domain/inputs";
import { log } from "../log";
import { endSession, openSession, REFRESH_DAYS } from "../services/auth/open-session";
import { verifyLogin } from "../services/auth/verify-login";
import { clientAddress } from "./client-address";
import { toAppError } from "./errors";
import { sessionSecret } from "./resolve-actor";

interface SignedIn {
  id: string;
  name: string;
  email: string;
  team: string;
  epoch: number;
  sid: string;
}

async function authorize(
  given: Record<string, string> | undefined,
  headers: Headers,
): Promise<SignedIn | null> {
  const input = loginInput.safeParse({ username: given?.username, password: given?.password });
  if (!input.success) return null;
  try {
    const user = await verifyLogin({ ctx: { db: db(), address: clientAddress(headers) }, input: input.data });
    const { family } = await openSession(db(), user);
    return {
      id: String(user.id),
      name: user.username,
      email: user.email,
      team: String(user.teamId),
      epoch: user.epoch,
      sid: family,
    };
  } catch (error) {
    const refused = toAppError(error);
    if (refused.code === "unauthorized") return null;
    // The library knows two answers only; the code comes back in its answer and is made a status there.
    throw new AppError(refused.code, refused.code);
  }
}

let options: NextAuthOptions | undefined;

export function browserSessionOptions(): NextAuthOptions {
  options ??= {
    secret: sessionSecret(),
    session: { strategy: "jwt", maxAge: REFRESH_DAYS * 86_400 },
    // The library's own writes a stack for every broken cookie that somebody sends.
    logger: {
      error: (code) => log.warn({ code }, "A browser's sign-in or session could not be used."),
      warn: (code) => log.debug({ code }, "A note of the sign-in library."),
      debug: () => undefined,
    },
    pages: { signIn: "/sign-in", error: "/sign-in" },
    providers: [
      CredentialsProvider({
        credentials: { username: { type: "text" }, password: { type: "password" } },
        authorize: (given, request) =>
          authorize(given, new Headers(request.headers as Record<string, string>)),
      }),
    ],
    callbacks: {
      jwt({ token, user }) {
        if (!user) return token;
        // `user` is what authorize gave, at sign-in only.
        const { id, name, team, epoch, sid } = user as unknown as SignedIn;
        return { sub: id, name, team, epoch, sid };
      },
      // Nothing of the token is shown to scripts of the page; they ask auth.me.
      session: ({ session, token }) => ({ expires: session.expires, user: { name: token.name ?? null } }),
    },
    events: {
      async signOut({ token }) {
        if (typeof token?.sid === "string") await endSession(db(), token.sid);
      },
    },
  };
  return options;
}
