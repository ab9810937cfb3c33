import { z } from "zod";
import { loginInput, refreshInput } from "../../domain/inputs";
import { meView, tokensView } from "../../domain/outputs";
import {
  apiTokenView,
  createApiToken,
  createApiTokenInput,
  newApiTokenView,
} from "../../services/auth/create-api-token";
import { listApiTokens } from "../../services/auth/list-api-tokens";
import { login } from "../../services/auth/login";
import { logout } from "../../services/auth/logout";
import { me } from "../../services/auth/me";
import { refreshSession } from "../../services/auth/refresh-session";
import { apiTokenRef, revokeApiToken } from "../../services/auth/revoke-api-token";
import { publicProcedure, router, teamProcedure } from "../trpc";

const tags = ["Auth"];

export const authRouter = router({
  login: publicProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/auth/login",
        tags,
        protect: false,
        summary: "Sign in with user name or e-mail",
        description: "At most 5 attempts a minute for an address and a name.",
      },
    })
    .input(loginInput)
    .output(tokensView)
    .mutation(({ ctx, input }) => login({ ctx, input })),

  refresh: publicProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/auth/refresh",
        tags,
        protect: false,
        summary: "Exchange a refresh token, once",
        description: "Using a refresh token a second time ends its whole sign-in.",
      },
    })
    .input(refreshInput)
    .output(tokensView)
    .mutation(({ ctx, input }) => refreshSession({ ctx, input })),

  logout: teamProcedure
    .meta({ openapi: { method: "POST", path: "/auth/logout", tags, summary: "End this sign-in" } })
    .input(z.strictObject({}))
    .output(z.object({ ok: z.literal(true) }))
    .mutation(({ ctx }) => logout({ ctx, family: ctx.family })),

  me: teamProcedure
    .meta({ openapi: { method: "GET", path: "/auth/me", tags, summary: "Who this token stands for" } })
    .input(z.strictObject({}))
    .output(meView)
    .query(({ ctx }) => me({ ctx })),

  createToken: teamProcedure
    .meta({
      status: 201,
      openapi: {
        method: "POST",
        path: "/auth/tokens",
        tags,
        summary: "Make an API token for a program",
        description:
          "The token is told once. It is never stronger than its owner and works until it is revoked.",
      },
    })
    .input(createApiTokenInput)
    .output(newApiTokenView)
    .mutation(({ ctx, input }) => createApiToken({ ctx, family: ctx.family, input })),

  tokens: teamProcedure
    .meta({ openapi: { method: "GET", path: "/auth/tokens", tags, summary: "Your API tokens in this team" } })
    .input(z.strictObject({}))
    .output(z.object({ tokens: z.array(apiTokenView) }))
    .query(({ ctx }) => listApiTokens({ ctx })),

  revokeToken: teamProcedure
    .meta({ openapi: { method: "DELETE", path: "/auth/tokens/{id}", tags, summary: "Revoke an API token" } })
    .input(apiTokenRef)
    .output(z.object({ ok: z.literal(true) }))
    .mutation(({ ctx, input }) => revokeApiToken({ ctx, input })),
});
