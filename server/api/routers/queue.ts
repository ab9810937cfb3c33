import { z } from "zod";
import { peekInput } from "../../domain/inputs";
import { queuePeekView, queueStatsView } from "../../domain/outputs";
import { peekQueue } from "../../services/queue/peek-queue";
import { queueStats } from "../../services/queue/queue-stats";
import { router, teamProcedure } from "../trpc";

const tags = ["Queue"];

export const queueRouter = router({
  stats: teamProcedure
    .meta({ openapi: { method: "GET", path: "/queue/stats", tags, summary: "Counts, times and rates" } })
    .input(z.strictObject({}))
    .output(queueStatsView)
    .query(({ ctx }) => queueStats({ ctx })),

  peek: teamProcedure
    .meta({ openapi: { method: "GET", path: "/queue/peek", tags, summary: "The next jobs in claim order" } })
    .input(peekInput)
    .output(queuePeekView)
    .query(({ ctx, input }) => peekQueue({ ctx, input })),
});
