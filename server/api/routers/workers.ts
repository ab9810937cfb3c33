import { z } from "zod";
import { workerRef } from "../../domain/inputs";
import { workerView } from "../../domain/outputs";
import { getWorker } from "../../services/workers/get-worker";
import { listWorkers } from "../../services/workers/list-workers";
import { orderWorker } from "../../services/workers/order-worker";
import { router, teamProcedure } from "../trpc";

const tags = ["Workers"];

export const workersRouter = router({
  list: teamProcedure
    .meta({ openapi: { method: "GET", path: "/workers", tags, summary: "All workers" } })
    .input(z.strictObject({}))
    .output(z.object({ workers: z.array(workerView) }))
    .query(({ ctx }) => listWorkers({ ctx })),

  get: teamProcedure
    .meta({ openapi: { method: "GET", path: "/workers/{id}", tags, summary: "One worker" } })
    .input(workerRef)
    .output(workerView)
    .query(({ ctx, input }) => getWorker({ ctx, input })),

  drain: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/workers/{id}/drain",
        tags,
        summary: "Let a worker finish its job and claim no more (admins)",
      },
    })
    .input(workerRef)
    .output(workerView)
    .mutation(({ ctx, input }) => orderWorker({ ctx, input, order: "drain" })),

  resume: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/workers/{id}/resume",
        tags,
        summary: "Let a drained worker claim jobs again (admins)",
      },
    })
    .input(workerRef)
    .output(workerView)
    .mutation(({ ctx, input }) => orderWorker({ ctx, input, order: "none" })),

  kill: teamProcedure
    .meta({
      openapi: {
        method: "POST",
        path: "/workers/{id}/kill",
        tags,
        summary: "Make a worker drop its job and leave (admins)",
      },
    })
    .input(workerRef)
    .output(workerView)
    .mutation(({ ctx, input }) => orderWorker({ ctx, input, order: "kill" })),
});
