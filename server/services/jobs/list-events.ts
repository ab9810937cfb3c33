// A job's log as a list, for programs that do not hold a stream open.
import { z } from "zod";
import type { Ctx } from "../../context";
import { jobRef } from "../../domain/inputs";
import { eventOf } from "../../events/frame";
import { findJob } from "./find-job";

/** `after`: last sequence number that the caller has. */
export const listEventsInput = jobRef.extend({
  after: z.coerce.number().int().min(0).max(2_147_483_647).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});

export const eventPage = z.object({
  events: z.array(
    z.object({
      seq: z.number(),
      run: z.number(),
      type: z.string(),
      data: z.record(z.string(), z.unknown()),
      at: z.string(),
    }),
  ),
  last_seq: z.number(),
});

/** @throws AppError `not_found` */
export async function listEvents({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: z.infer<typeof listEventsInput>;
}): Promise<z.infer<typeof eventPage>> {
  const job = await findJob(ctx, input.id);
  const rows = await ctx.db.jobEvent.findMany({
    where: { jobId: job.id, seq: { gt: input.after } },
    orderBy: { seq: "asc" },
    take: input.limit,
  });
  return { events: rows.map(eventOf), last_seq: job.lastSeq };
}
