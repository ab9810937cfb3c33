// The newest events of one job, read once and serialised once for everyone who watches it in this process.
// Sequence numbers of a job are committed in order and without gaps, so "greater than the last" is enough.
import type { Db } from "../db";
import { log } from "../log";
import { JOB_CHANNEL } from "./append";
import { type Frame, frameOf } from "./frame";
import type { Listener } from "./listen";

/** Rows read at once. */
const BATCH = 200;
/** Frames kept for watchers that are nearly up to date; others read their part from the database. */
const KEPT = 1_000;
const KEPT_BYTES = 2 * 1024 * 1024;
/** Pause after a reading that failed. */
const READ_AGAIN_MS = 500;

/** Events of a job after `after`, in order, at most 200. */
export async function readFrames(db: Db, job: bigint, after: number): Promise<Frame[]> {
  const rows = await db.jobEvent.findMany({
    where: { jobId: job, seq: { gt: after } },
    orderBy: { seq: "asc" },
    take: BATCH,
  });
  return rows.map(frameOf);
}

export class JobFeed {
  /** Frames in order, without gaps; the last one is `head`. */
  private frames: Frame[] = [];
  private bytes = 0;
  private reading: Promise<void> | null = null;
  private readonly waiting = new Set<() => void>();
  watchers = 0;

  constructor(
    private readonly db: Db,
    readonly job: bigint,
    private head: number,
    private known = head,
  ) {}

  /** Frames after `after` when this feed has them all; null when older ones must come from the database. */
  since(after: number): Frame[] | null {
    if (after >= this.head) return [];
    const first = this.frames[0];
    if (!first || after < first.seq - 1) return null;
    return this.frames.slice(after - first.seq + 1);
  }

  /** Resolves when there is something after `after`, or when the signal aborts. */
  wait(after: number, signal: AbortSignal): Promise<void> {
    if (this.head > after || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  /** The log reaches at least to `seq`; null means: unknown, look. */
  announce(seq: number | null): void {
    if (seq !== null && seq <= this.known) return;
    this.known = seq === null ? this.known + 1 : seq;
    this.reading ??= this.read()
      .catch((error: unknown) => {
        this.known = this.head;
        log.warn({ err: error }, "The events of a job could not be read; it is tried again.");
        // Nobody announces the same events twice.
        setTimeout(() => this.watchers > 0 && this.announce(null), READ_AGAIN_MS).unref();
      })
      .finally(() => {
        this.reading = null;
      });
  }

  private async read(): Promise<void> {
    for (;;) {
      const goal = this.known;
      const frames = await readFrames(this.db, this.job, this.head);
      for (const frame of frames) this.keep(frame);
      if (frames.length > 0) for (const wake of [...this.waiting]) wake();
      if (frames.length < BATCH && this.head >= this.known) return;
      // A notification that came meanwhile raised `known` again; then look once more.
      if (frames.length === 0 && this.known === goal) {
        this.known = this.head;
        return;
      }
    }
  }

  private keep(frame: Frame): void {
    this.head = frame.seq;
    this.frames.push(frame);
    this.bytes += frame.bytes.length;
    while (this.frames.length > KEPT || this.bytes > KEPT_BYTES) {
      const dropped = this.frames.shift();
      if (!dropped) return;
      this.bytes -= dropped.bytes.length;
    }
  }
}

/** All feeds of a process that somebody watches. */
export class JobFeeds {
  private readonly feeds = new Map<bigint, JobFeed>();
  private subscribed: Promise<() => void> | null = null;

  constructor(
    private readonly db: Db,
    private readonly listener: Listener,
  ) {}

  /** The feed of a job; give it back with {@link close}. */
  async open(job: bigint): Promise<JobFeed> {
    await this.listen();
    const present = this.feeds.get(job);
    if (present) {
      present.watchers++;
      return present;
    }
    const { lastSeq } = await this.db.job.findUniqueOrThrow({
      where: { id: job },
      select: { lastSeq: true },
    });
    const feed = this.feeds.get(job) ?? new JobFeed(this.db, job, lastSeq);
    this.feeds.set(job, feed);
    feed.watchers++;
    // Events may have been committed between the look and the entry in the map.
    feed.announce(null);
    return feed;
  }

  close(feed: JobFeed): void {
    feed.watchers--;
    if (feed.watchers === 0) this.feeds.delete(feed.job);
  }

  private listen(): Promise<() => void> {
    this.subscribed ??= this.listener
      .subscribe(JOB_CHANNEL, {
        notify: (payload) => {
          const [job, seq] = payload.split(":");
          if (job && seq) this.feeds.get(BigInt(job))?.announce(Number(seq));
        },
        resumed: () => {
          for (const feed of this.feeds.values()) feed.announce(null);
        },
      })
      .catch((error: unknown) => {
        this.subscribed = null;
        throw error;
      });
    return this.subscribed;
  }
}
