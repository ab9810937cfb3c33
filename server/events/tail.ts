// The end of a job's log as an async generator: what is there, then what comes, every number once and in order.
// Pull-driven: a reader that does not ask costs no memory beyond the shared feed.
import type { Db } from "../db";
import { type Clock, systemClock } from "./clock";
import type { Frame } from "./frame";
import { type JobFeed, type JobFeeds, readFrames } from "./job-feed";

export interface TailOptions {
  db: Db;
  feeds: JobFeeds;
  /** Internal id of the job. */
  job: bigint;
  /** Last sequence number that the reader has; 0 for all. */
  after: number;
  signal: AbortSignal;
  /** Longest silence in milliseconds; then an empty batch is given. */
  idleMs?: number;
  clock?: Clock;
}

/** Batches of frames until the signal aborts. An empty batch means: nothing new for `idleMs`. */
export async function* tailJob(options: TailOptions): AsyncGenerator<readonly Frame[], void, void> {
  const { db, feeds, job, signal, idleMs = 15_000, clock = systemClock } = options;
  let after = options.after;
  const feed = await feeds.open(job);
  try {
    while (!signal.aborted) {
      const fresh = feed.since(after) ?? (await readFrames(db, job, after));
      const last = fresh.at(-1);
      if (last) {
        after = last.seq;
        yield fresh;
      } else if (!(await somethingNew(feed, after, idleMs, clock, signal))) {
        yield [];
      }
    }
  } finally {
    feeds.close(feed);
  }
}

/** Waits for news; after the time is over asks the database once, should a notification have been lost. */
async function somethingNew(feed: JobFeed, after: number, ms: number, clock: Clock, signal: AbortSignal) {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const news = feed.wait(after, either).then(() => true);
  const quiet = clock.sleep(ms, either).then(() => false);
  const result = await Promise.race([news, quiet]);
  over.abort();
  if (!result) feed.announce(null);
  return result;
}
