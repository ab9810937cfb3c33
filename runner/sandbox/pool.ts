// Sandboxes made in advance, so that a job need not wait until one has started. Invariant: one that was handed out
// never comes back, so none serves two jobs; all that still wait are destroyed when the pool closes.
import type { Log } from "../log";
import type { SandboxLimits } from "../protocol";
import {
  NoSandboxError,
  type Sandbox,
  type SandboxDriver,
  type SlowDriver,
  type WaitingSandbox,
} from "./port";

/** A job that has just got its sandbox fills it first; making the next one at the same moment would slow that down. */
const REFILL_AFTER_MS = 300;

export interface PoolOptions {
  /** How many sandboxes wait; 0 makes every one when it is asked for. */
  size: number;
  log: Log;
  /** Nothing more is made once it aborts. */
  signal: AbortSignal;
  refillAfterMs?: number;
}

/** A driver in front of another one. The sandboxes that wait have the limits that were asked for last. */
export class WarmPool implements SandboxDriver {
  readonly name;
  readonly enforced;
  readonly notes;
  private waiting: Promise<WaitingSandbox | null>[] = [];
  /** Sandboxes that nobody will get; the pool is not closed before they are gone. */
  private readonly leaving = new Set<Promise<void>>();
  private limits: SandboxLimits | null = null;
  private refill: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly driver: SlowDriver,
    private readonly options: PoolOptions,
  ) {
    ({ name: this.name, enforced: this.enforced, notes: this.notes } = driver);
    options.signal.addEventListener("abort", () => this.stop(), { once: true });
    if (options.signal.aborted) this.stop();
  }

  /** Hands out a sandbox that waits, or makes one. Throws NoSandboxError. */
  async create(limits: SandboxLimits): Promise<Sandbox> {
    if (this.stopped) throw new NoSandboxError("The runner is stopping.");
    if (!this.limits || !sameLimits(this.limits, limits)) this.empty();
    this.limits = limits;
    try {
      return (await this.take()) ?? (await this.driver.create(limits));
    } finally {
      this.refillSoon();
    }
  }

  reap(): Promise<number> {
    return this.driver.reap();
  }

  /** Resolves when as many wait, ready, as there should be; also when some could not be made. */
  async filled(): Promise<void> {
    if (this.refill) {
      clearTimeout(this.refill);
      this.fill();
    }
    await Promise.all(this.waiting);
  }

  /** Destroys what waits. Resolves when nothing is left of it. */
  async close(): Promise<void> {
    this.stop();
    this.empty();
    await Promise.all(this.leaving);
  }

  /** The first that still answers; one that is just being made is sooner ready than a new one. */
  private async take(): Promise<WaitingSandbox | null> {
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      const sandbox = await next;
      if (!sandbox) continue;
      try {
        await sandbox.ping();
        return sandbox;
      } catch (error) {
        this.options.log(`a sandbox that waited for a job is gone: ${(error as Error).message}`);
        this.discard(next);
      }
    }
    return null;
  }

  private refillSoon(): void {
    if (this.stopped) return;
    this.refill ??= setTimeout(() => this.fill(), this.options.refillAfterMs ?? REFILL_AFTER_MS);
    this.refill.unref();
  }

  private fill(): void {
    this.refill = undefined;
    while (!this.stopped && this.limits && this.waiting.length < this.options.size) this.make(this.limits);
  }

  /** One that cannot be made is tried again after the next claim, which will tell the same and give its job back. */
  private make(limits: SandboxLimits): void {
    const made = this.driver.create(limits).catch((error: Error) => {
      this.options.log(`no sandbox could be made in advance: ${error.message}`);
      this.waiting = this.waiting.filter((each) => each !== made);
      return null;
    });
    this.waiting.push(made);
  }

  private stop(): void {
    this.stopped = true;
    clearTimeout(this.refill);
  }

  private empty(): void {
    for (const each of this.waiting.splice(0)) this.discard(each);
  }

  private discard(entry: Promise<WaitingSandbox | null>): void {
    const gone = entry
      .then((sandbox) => sandbox?.destroy())
      .catch((error: Error) => this.options.log(`a sandbox could not be removed: ${error.message}`))
      .finally(() => this.leaving.delete(gone));
    this.leaving.add(gone);
  }
}

function sameLimits(one: SandboxLimits, other: SandboxLimits): boolean {
  const names = Object.keys(one) as (keyof SandboxLimits)[];
  return names.every((name) => one[name] === other[name]);
}
