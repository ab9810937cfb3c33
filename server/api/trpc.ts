// The two kinds of procedures: open to everybody, and for members of a team. What a member may do, the services decide.
import { initTRPC } from "@trpc/server";
import superjson from "superjson";
import type { OpenApiMeta } from "trpc-to-openapi";
import type { Ctx } from "../context";
import { AppError } from "../domain/errors";
import { toAppError, toTrpcError } from "./errors";
import { plainInput } from "./plain-input";
import type { RequestContext } from "./request-context";

interface Meta extends OpenApiMeta {
  /** Status of success over REST; 200 when absent. */
  status?: 201;
  /** Not counted against the limits. */
  unlimited?: boolean;
}

const t = initTRPC
  .context<RequestContext>()
  .meta<Meta>()
  .create({
    transformer: { input: { serialize: superjson.serialize, deserialize: plainInput }, output: superjson },
    // Never send a stack trace, whatever NODE_ENV says.
    isDev: false,
    errorFormatter({ shape, error, ctx }) {
      const { code, message } = toAppError(error);
      const { httpStatus, path } = shape.data;
      return { ...shape, message, data: { code, httpStatus, path, requestId: ctx?.requestId ?? null } };
    },
  });

export const router = t.router;
export const createCallerFactory = t.createCallerFactory;

/** Errors of services and of input parsing leave here as tRPC errors, each translated once. */
export const publicProcedure = t.procedure.use(async ({ ctx, next }) => {
  const result = await next();
  if (!result.ok) throw toTrpcError(toAppError(result.error, ctx.requestId));
  return result;
});

/** Needs somebody; gives services their `Ctx`. */
export const teamProcedure = publicProcedure.use(({ ctx, next }) => {
  const { identity, refusal } = ctx;
  if (!identity)
    throw refusal ?? new AppError("unauthorized", "Sign in first: this needs a token or a session.");
  const { actor, family } = identity;
  return next({ ctx: { ...ctx, actor, family } satisfies Ctx & { family: string | null } });
});
