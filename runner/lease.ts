// The lease of one job as the runner sees it: it lives while the server confirms it, and dies by its word or by silence.
// Invariant: once over it never comes back, and everything that was done under it is aborted through one signal.
import type { LeaseKey } from "./server-client";

/** `lost`: the server was silent for longer than the lease lasts. */
export type LeaseEnd = "finished" | "cancelled" | "refused" | "lost" | "stopping";

/** One lease, from claim to end. */
export class Lease {
  end: LeaseEnd | null = null;
  /** Which iteration is under way; every heartbeat carries it. */
  iteration: number | undefined;
  private readonly controller = new AbortController();
  private expiry: NodeJS.Timeout | undefined;

  /** `lifeMs`: how long the lease lasts after each confirmation; measured with the timer of this process only. */
  constructor(
    readonly key: LeaseKey,
    private readonly lifeMs: number,
  ) {
    this.confirm();
  }

  /** Aborts when the lease is over. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** The server said that the lease holds. `askedAt`: when it was asked, by `performance.now()`. */
  confirm(askedAt = performance.now()): void {
    clearTimeout(this.expiry);
    if (this.end !== null) return;
    const left = Math.max(0, this.lifeMs - (performance.now() - askedAt));
    this.expiry = setTimeout(() => this.finish("lost"), left);
  }

  /** Ends it; only the first reason counts. */
  finish(end: LeaseEnd): void {
    if (this.end !== null) return;
    clearTimeout(this.expiry);
    this.end = end;
    this.controller.abort(new Error(`The lease is over (${end}).`));
  }
}
