/** One round of accidents on a running factory; see kill.ts. Everything is waited for by a condition. */
import { setTimeout as pause } from "node:timers/promises";
import { SETTLED } from "@/server/domain/job-state";
import { Factory } from "@/tests/system/factory";
import { check } from "./check";
import { Filing } from "./file-jobs";
import { type Recovery, recoveries, untilAllGoOn } from "./recovery";
import { type Hit, scheduleOf } from "./schedule";
import { SecondRunner } from "./second-runner";
import { type Outage, strike, type Victim } from "./strike";

/** The leases of a factory under test; see tests/system/factory.ts. */
export const LEASE_MS = 5_000;
/** Within this time past a lease every job has to go on after an accident. */
export const GRACE_MS = 10_000;
/** After the last hit a job counts as lost when no job's log has gone on for this long. */
const PATIENCE_MS = 120_000;
const CALM_LIMIT_MS = 120_000;
const POLL_MS = 250;
const PROGRESS_MS = 30_000;
/** As many jobs as this per worker are open at a time, so that workers always find one. */
const OPEN_PER_WORKER = 2;

/** Money and time that never run out; a call that died is settled within the run. */
const SETTINGS: Record<string, string> = {
  BUDGET_JOB_USD: "1000",
  BUDGET_DAY_USD: "1000000",
  DAILY_BUDGET: "100000000",
  WORKER_TIMEOUT: "60",
};

export interface ChaosOptions {
  /** At most so many; no more are filed when all hits are done. */
  jobs: number;
  hits: number;
  /** Milliseconds between two hits on average. */
  everyMs: number;
  /** After so many hits the factory is left alone until every job has gone on. */
  calmEvery: number;
  seed: number;
  /** Of each of the two runners. */
  workers: number;
  /** What counts as too long a recovery, in milliseconds. */
  recoveryMs?: number;
  /** Breaks the run off; what there is by then is reported. */
  signal?: AbortSignal;
  say?: (line: string) => void;
  /** Told now and then how far it is, so that a run that ends badly has left something. */
  onProgress?: (report: ChaosReport) => void;
}

export interface ChaosReport {
  /** False when it was broken off. */
  whole: boolean;
  /** Milliseconds since the epoch. */
  began: number;
  jobs: number;
  seconds: number;
  states: Record<string, number>;
  hits: number;
  /** Hits by kind, such as "SIGKILL app". */
  byKind: Record<string, number>;
  /** Recoveries after the last hit before a calm, and of every silence, in milliseconds. */
  recovery: { limitMs: number; calms: number; slowest: Recovery[]; ms: number[] };
  faults: string[];
}

/** Runs it. @throws when the factory does not start, or leaves processes behind */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  return new Round(options).run();
}

class Round {
  private readonly began = Date.now();
  private readonly byKind: Record<string, number> = {};
  private readonly outages: Outage[] = [];
  private readonly say: (line: string) => void;
  private calms = 0;
  /** Jobs that did not go on in a calm. */
  private readonly still = new Set<string>();
  private striking = true;
  private states: Record<string, number> = {};
  private ids: readonly string[] = [];

  constructor(private readonly options: ChaosOptions) {
    this.say = options.say ?? (() => undefined);
  }

  private get stopped(): boolean {
    return this.options.signal?.aborted === true;
  }

  async run(): Promise<ChaosReport> {
    const { workers } = this.options;
    const factory = await Factory.start({ workers, env: { ...SETTINGS, MAX_WORKERS: "32" } });
    let second: SecondRunner | undefined;
    const left: string[] = [];
    let report: ChaosReport;
    try {
      second = await SecondRunner.start(factory, workers);
      report = await this.round({ factory, second });
    } catch (error) {
      this.say(`the last lines of the factory:\n${factory.log(20_000)}\n${second?.log()}`);
      throw error;
    } finally {
      // A leftover is a fault like another, and must not hide the others.
      for (const one of [second, factory])
        await one?.stop().catch((error: Error) => left.push(`left behind: ${error.message}`));
    }
    return { ...report, faults: [...report.faults, ...left] };
  }

  private async round(victim: Victim): Promise<ChaosReport> {
    const { factory } = victim;
    const filing = new Filing(factory, this.options.seed);
    this.ids = filing.ids;
    const progress = setInterval(() => void this.tellProgress(factory), PROGRESS_MS);
    try {
      const struck = this.strikeAll(victim).finally(() => {
        this.striking = false;
      });
      await Promise.all([struck, this.fileAll(factory, filing)]);
      if (!this.stopped)
        this.say(`${this.clock()} all hits done; waiting for the rest of ${this.ids.length} jobs`);
      const settled = !this.stopped && (await this.untilSettled(factory));
      if (!settled)
        this.say(`the last lines of the factory:\n${factory.log(20_000)}\n${victim.second.log()}`);
      return await this.report(factory, settled);
    } finally {
      clearInterval(progress);
    }
  }

  private async strikeAll(victim: Victim): Promise<void> {
    const asleep: Promise<void>[] = [];
    for (const hit of scheduleOf(this.options)) {
      await this.wait(hit.afterMs);
      if (this.stopped) break;
      const struck = await strike(victim, hit);
      if (struck) {
        const kind = `${hit.signal} ${hit.target}`;
        this.byKind[kind] = (this.byKind[kind] ?? 0) + 1;
        this.outages.push(struck.outage);
        asleep.push(struck.over);
      }
      this.say(`${this.clock()} ${describe(hit)}${struck ? "" : ": not running"}`);
      if (hit.calm) {
        await Promise.all(asleep.splice(0));
        await this.calmDown(victim.factory);
      }
    }
    await Promise.all(asleep);
  }

  private async calmDown(factory: Factory): Promise<void> {
    const since = Math.max(0, ...this.outages.slice(-50).map(({ ended }) => ended));
    const went = await untilAllGoOn(factory, since, CALM_LIMIT_MS, () => pause(POLL_MS));
    this.calms++;
    const stood = typeof went === "number" ? [] : went;
    for (const job of stood) this.still.add(job);
    const said =
      typeof went === "number" ? `every job went on within ${went} ms` : `${stood.join(", ")} stood still`;
    this.say(`${this.clock()} calm: ${said}`);
    const limitMs = this.options.recoveryMs ?? LEASE_MS + GRACE_MS;
    if (typeof went !== "number" || went > limitMs)
      this.say(`the last lines of the factory:\n${factory.log(12_000)}`);
  }

  /** Keeps a small backlog, until there are enough jobs or nothing is hit any more. */
  private async fileAll(factory: Factory, filing: Filing): Promise<void> {
    const backlog = this.options.workers * 2 * OPEN_PER_WORKER;
    while (!this.stopped && this.striking && filing.ids.length < this.options.jobs) {
      const [row] = await factory.sql<{ open: string }>(
        "SELECT count(*) AS open FROM job WHERE state::text <> ALL($1::text[])",
        [SETTLED],
      );
      const room = Math.min(backlog - Number(row?.open), this.options.jobs - filing.ids.length);
      for (let n = 0; n < room && !this.stopped; n++) await filing.next();
      if (room <= 0) await this.wait(POLL_MS);
    }
  }

  /** @returns false when nothing moves any more, though not all is settled */
  private async untilSettled(factory: Factory): Promise<boolean> {
    let giveUp = Date.now() + PATIENCE_MS;
    let written = -1;
    while (!this.stopped) {
      const [row] = await factory.sql<{ events: string; open: string; unsent: string; runs: string }>(
        `SELECT (SELECT sum(last_seq) FROM job) AS events,
          (SELECT count(*) FROM job WHERE public_id = ANY($1::text[]) AND state::text <> ALL($2::text[])) AS open,
          (SELECT count(*) FROM outbox WHERE sent_at IS NULL) AS unsent,
          (SELECT count(*) FROM engine.run WHERE status = 'running') AS runs`,
        [this.ids, SETTLED],
      );
      if ([row?.open, row?.unsent, row?.runs].every((count) => Number(count) === 0)) return true;
      if (Number(row?.events) !== written) giveUp = Date.now() + PATIENCE_MS;
      written = Number(row?.events);
      if (Date.now() > giveUp) return false;
      await this.wait(POLL_MS);
    }
    return false;
  }

  private async report(factory: Factory, settled: boolean): Promise<ChaosReport> {
    const whole = !this.stopped;
    this.states = await countStates(factory, this.ids);
    const limitMs = this.options.recoveryMs ?? LEASE_MS + GRACE_MS;
    this.say(`${this.clock()} checking ${this.ids.length} jobs`);
    const found = await recoveries(factory, this.ids, this.outages);
    const slow = found.filter(({ ms }) => ms > limitMs);
    const faults = [
      ...(await check(factory, this.ids, whole)),
      ...slow.map((one) => `slow: ${describeRecovery(one, this.began)}, more than ${limitMs} ms`),
      ...[...this.still].map(
        (job) => `slow: ${job} stood still for ${CALM_LIMIT_MS} ms in which nothing was hit`,
      ),
      ...(settled || !whole ? [] : ["something was still open when nothing moved any more"]),
    ];
    const recovery = {
      limitMs,
      calms: this.calms,
      slowest: found.slice(0, 10),
      ms: found.filter(({ after }) => after !== null).map(({ ms }) => ms),
    };
    return { ...this.figures(), whole, recovery, faults };
  }

  private figures(): Pick<ChaosReport, "began" | "jobs" | "seconds" | "states" | "hits" | "byKind"> {
    const { byKind, states, outages } = this;
    const seconds = (Date.now() - this.began) / 1000;
    return { began: this.began, jobs: this.ids.length, seconds, states, hits: outages.length, byKind };
  }

  private async tellProgress(factory: Factory): Promise<void> {
    try {
      this.states = await countStates(factory, this.ids);
    } catch {
      // The database is away; the states of the last time are told again.
    }
    const memory = Math.round(process.memoryUsage.rss() / 1024 ** 2);
    const { hits, jobs, states } = this.figures();
    this.say(
      `${this.clock()} ── ${hits}/${this.options.hits} hits, ${jobs} jobs filed: ${JSON.stringify(states)}; ${memory} MB`,
    );
    const none = { limitMs: 0, calms: this.calms, slowest: [], ms: [] };
    this.options.onProgress?.({ ...this.figures(), whole: false, recovery: none, faults: [] });
  }

  private clock(): string {
    return `${((Date.now() - this.began) / 1000).toFixed(1).padStart(7)} s`;
  }

  /** Waits, but not for a run that is broken off. */
  private async wait(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.options.signal }).catch(() => undefined);
  }
}

function describe({ n, signal, target, sleepMs }: Hit): string {
  return `${String(n).padStart(4)} ${signal} ${target}${sleepMs > 0 ? ` for ${sleepMs} ms` : ""}`;
}

/** One line for people. */
export function describeRecovery({ job, ms, before, after, ended }: Recovery, began: number): string {
  const at = ((ended - began) / 1000).toFixed(1);
  const hit = after ? describe(after.hit).trim() : "no hit";
  return `${job} stood still for ${ms} ms at ${before}, after ${hit}, until ${at} s`;
}

async function countStates(factory: Factory, ids: readonly string[]): Promise<Record<string, number>> {
  const rows = await factory.sql<{ state: string; n: string }>(
    "SELECT state, count(*) AS n FROM job WHERE public_id = ANY($1::text[]) GROUP BY state ORDER BY state",
    [ids],
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, Number(n)]));
}
