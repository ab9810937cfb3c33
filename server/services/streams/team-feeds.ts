// What changed in a team, as hints: pages look again for what is named. Changes of some tens of milliseconds are
// gathered, looked up once and serialised once for all watchers of the team.
import type { Db } from "../../db";
import type { JobState } from "../../domain/job-state";
import { JOB_CHANNEL } from "../../events/append";
import { sseBytes } from "../../events/frame";
import type { Listener } from "../../events/listen";
import { log } from "../../log";
import { WORKERS_CHANNEL } from "../workers/announce-workers";

const GATHER_MS = 50;
/** Hints that a watcher may leave unread; over that it is told to come again, which makes it look at everything. */
const MAX_UNREAD = 200;

type Watcher = (bytes: Uint8Array) => void;

interface Team {
  watchers: Set<Watcher>;
  changed: Set<bigint>;
  workers: boolean;
  states: Map<bigint, JobState>;
  timer: NodeJS.Timeout | null;
}

export class TeamFeeds {
  private readonly teams = new Map<bigint, Team>();
  private subscribed: Promise<unknown> | null = null;

  constructor(
    private readonly db: Db,
    private readonly listener: Listener,
  ) {}

  /**
   * Hints for one team until the signal aborts; null after `idleMs` of silence.
   * Ends by itself for a reader that falls far behind.
   */
  async *watch(teamId: bigint, signal: AbortSignal, idleMs = 15_000): AsyncGenerator<Uint8Array | null> {
    await this.listen();
    const unread: Uint8Array[] = [];
    let wake = () => {};
    const watcher: Watcher = (bytes) => {
      unread.push(bytes);
      wake();
    };
    const team = this.join(teamId, watcher);
    signal.addEventListener("abort", () => wake(), { once: true });
    try {
      // From here on nothing is missed: a page that looks again now is up to date.
      yield sseBytes("ready", {});
      while (!signal.aborted && unread.length <= MAX_UNREAD) {
        if (unread.length > 0) {
          yield Buffer.concat(unread.splice(0));
          continue;
        }
        let timer: NodeJS.Timeout | undefined;
        const quiet = await new Promise<boolean>((resolve) => {
          wake = () => resolve(false);
          timer = setTimeout(() => resolve(true), idleMs);
        });
        clearTimeout(timer);
        wake = () => {};
        if (quiet) yield null;
      }
    } finally {
      team.watchers.delete(watcher);
      if (team.watchers.size === 0) this.teams.delete(teamId);
    }
  }

  private join(teamId: bigint, watcher: Watcher): Team {
    const team = this.teams.get(teamId) ?? {
      watchers: new Set(),
      changed: new Set(),
      workers: false,
      states: new Map(),
      timer: null,
    };
    this.teams.set(teamId, team);
    team.watchers.add(watcher);
    return team;
  }

  private listen(): Promise<unknown> {
    this.subscribed ??= Promise.all([
      this.listener.subscribe(JOB_CHANNEL, {
        notify: (payload) => {
          const [job, , team] = payload.split(":");
          if (job && team) this.jobChanged(BigInt(team), BigInt(job));
        },
        // Nobody knows what was missed: everybody looks at everything.
        resumed: () => this.tellAll("queue"),
      }),
      this.listener.subscribe(WORKERS_CHANNEL, {
        notify: () => this.workersChanged(),
        resumed: () => this.tellAll("workers"),
      }),
    ]).catch((error: unknown) => {
      this.subscribed = null;
      throw error;
    });
    return this.subscribed;
  }

  private jobChanged(teamId: bigint, job: bigint): void {
    const team = this.teams.get(teamId);
    if (!team) return;
    team.changed.add(job);
    this.gather(teamId, team);
  }

  private workersChanged(): void {
    for (const [teamId, team] of this.teams) {
      team.workers = true;
      this.gather(teamId, team);
    }
  }

  private tellAll(event: string): void {
    const bytes = sseBytes(event, {});
    for (const team of this.teams.values()) for (const watcher of team.watchers) watcher(bytes);
  }

  private gather(teamId: bigint, team: Team): void {
    team.timer ??= setTimeout(() => {
      team.timer = null;
      this.flush(teamId, team).catch((error: unknown) => {
        log.warn({ err: error }, "A team's hints could not be told one by one.");
        // Whoever watches looks at everything instead.
        const bytes = sseBytes("queue", {});
        for (const watcher of team.watchers) watcher(bytes);
      });
    }, GATHER_MS);
  }

  private async flush(teamId: bigint, team: Team): Promise<void> {
    const ids = [...team.changed];
    team.changed.clear();
    const frames = ids.length > 0 ? await this.jobFrames(teamId, team, ids) : [];
    if (team.workers) frames.push(sseBytes("workers", {}));
    team.workers = false;
    if (frames.length === 0) return;
    const bytes = Buffer.concat(frames);
    for (const watcher of team.watchers) watcher(bytes);
  }

  private async jobFrames(teamId: bigint, team: Team, ids: bigint[]): Promise<Uint8Array[]> {
    const jobs = await this.db.job.findMany({
      where: { id: { in: ids }, teamId },
      select: { id: true, publicId: true, state: true, lastSeq: true },
    });
    const frames = jobs.map((job) =>
      sseBytes("job", { job_id: job.publicId, status: job.state, seq: job.lastSeq }),
    );
    const moved = jobs.some((job) => team.states.get(job.id) !== job.state);
    for (const job of jobs) team.states.set(job.id, job.state);
    if (moved) frames.push(sseBytes("queue", {}));
    return frames;
  }
}
