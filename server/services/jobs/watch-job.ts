// A job's log as a live stream: authorizes, then follows the end of the log.
import type { Ctx } from "../../context";
import type { Clock } from "../../events/clock";
import type { Frame } from "../../events/frame";
import type { Listener } from "../../events/listen";
import { tailJob } from "../../events/tail";
import { feedsOf } from "../streams/feeds";
import { findJob } from "./find-job";

export interface WatchJob {
  ctx: Ctx;
  /** `after`: last sequence number that the watcher has. */
  input: { id: string; after: number };
  signal: AbortSignal;
  listener?: Listener;
  idleMs?: number;
  clock?: Clock;
}

export interface Watch {
  /** The given number lies in the future, so everything is told from the beginning. */
  resync: boolean;
  batches: AsyncGenerator<readonly Frame[], void, void>;
}

/** @throws AppError `not_found` */
export async function watchJob({ ctx, input, signal, listener, idleMs, clock }: WatchJob): Promise<Watch> {
  const job = await findJob(ctx, input.id);
  const resync = input.after > job.lastSeq;
  const batches = tailJob({
    db: ctx.db,
    feeds: feedsOf(ctx.db, listener).jobs,
    job: job.id,
    after: resync ? 0 : input.after,
    signal,
    ...(idleMs === undefined ? {} : { idleMs }),
    ...(clock === undefined ? {} : { clock }),
  });
  return { resync, batches };
}
