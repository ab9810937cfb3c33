import { z } from "zod";
import { AppError } from "../../domain/errors";
import { healthDetailView, healthView } from "../../domain/outputs";
import { checkBasics, checkEverything } from "../../services/health/check-health";
import { publicProcedure, router, teamProcedure } from "../trpc";

const tags = ["Health"];

export const healthRouter = router({
  basic: publicProcedure
    .meta({
      unlimited: true,
      openapi: {
        method: "GET",
        path: "/health",
        tags,
        protect: false,
        summary: "Whether requests can be served",
      },
    })
    .input(z.strictObject({}))
    .output(healthView)
    .query(async ({ ctx }) => {
      const health = await checkBasics(ctx.db);
      if (health.status === "ok") return health;
      throw new AppError("unavailable", "The database cannot be reached at the moment.", 2);
    }),

  detailed: teamProcedure
    .meta({
      unlimited: true,
      openapi: { method: "GET", path: "/health/detailed", tags, summary: "Every part by name" },
    })
    .input(z.strictObject({}))
    .output(healthDetailView)
    .query(({ ctx }) => checkEverything(ctx.db)),
});
