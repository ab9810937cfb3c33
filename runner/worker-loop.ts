// One slot of the runner: claims a job, works on it, claims the next. Holds at most one lease (invariant 7).
import { setTimeout as delay } from "node:timers/promises";
import { beat } from "./heartbeat";
import { runJob } from "./job-session";
import type { Lane } from "./lane";
import { Lease } from "./lease";
import type { Log } from "./log";
import { type Place, placeOf } from "./places";
import { type ClaimAnswer, type HeartbeatAnswer, MAX_POLL_MS } from "./protocol";
import type { WorkerClient } from "./server-client";

export interface SlotOptions extends Place {
  client: WorkerClient;
  /** Places with another image, by its name. */
  images?: ReadonlyMap<string, Place>;
  /** Milliseconds between heartbeats, and how long a lease lasts after the last answer. */
  heartbeatMs: number;
  leaseMs: number;
  log: Log;
  lane?: Lane;
  /** Why this host can take no job just now; null when it can. */
  trouble?: () => string | null;
}

/** `killed`: the server took this slot out of service. `stopped`: the caller's signal. */
export type SlotEnd = "killed" | "stopped";

/** Runs until the signal aborts or the server kills the slot. Throws ServerRefusal when the worker is unknown. */
export async function runSlot(options: SlotOptions, signal: AbortSignal): Promise<SlotEnd> {
  const slot = new Slot(options, signal);
  try {
    return await slot.run();
  } catch (error) {
    if (signal.aborted) return "stopped";
    throw error;
  }
}

/** Milliseconds to rest before the next claim: a machine that makes no sandbox must not burn through the queue. */
function restAfter(failures: number): number {
  return Math.min(30_000, 500 * 2 ** Math.min(failures, 10));
}

class Slot {
  private draining = false;
  /** How many jobs in a row had to be given back. */
  private failures = 0;
  private readonly killed = new AbortController();
  private lease: Lease | null = null;

  constructor(
    private readonly options: SlotOptions,
    private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<SlotEnd> {
    while (!this.signal.aborted && !this.killed.signal.aborted) {
      const claim = await this.waitForJob();
      if (claim) await this.work(claim);
    }
    return this.signal.aborted ? "stopped" : "killed";
  }

  /** Claims while a second loop sends heartbeats; null when it is time to look whether to go on. */
  private async waitForJob(): Promise<ClaimAnswer | null> {
    const round = new AbortController();
    const signal = AbortSignal.any([this.signal, this.killed.signal, round.signal]);
    const beating = this.beat(null, signal);
    // A worker that became unknown is told by both loops; the first to hear it ends the other.
    beating.catch(() => round.abort());
    try {
      if (this.failures > 0) await delay(restAfter(this.failures), undefined, { signal });
      // The heartbeats of this round go on meanwhile: they are what ends the draining.
      while (this.draining || this.options.trouble?.())
        await delay(this.options.heartbeatMs, undefined, { signal });
      return await this.options.client.claim(MAX_POLL_MS, signal);
    } catch (error) {
      if (round.signal.aborted) await beating;
      if (signal.aborted) return null;
      throw error;
    } finally {
      round.abort();
    }
  }

  private async work(claim: ClaimAnswer): Promise<void> {
    const { client, log, leaseMs, images = new Map() } = this.options;
    const lease = new Lease({ job_id: claim.job_id, fence: claim.fence }, leaseMs);
    this.lease = lease;
    log(`job ${claim.job_id}: claimed, run ${claim.run}, fence ${claim.fence}`);
    const stop = () => lease.finish("stopping");
    this.signal.addEventListener("abort", stop, { once: true });
    if (this.signal.aborted) stop();
    const beating = this.beat(lease, this.signal);
    beating.catch(() => lease.finish("refused"));
    try {
      const place = placeOf(this.options, images, claim.image);
      const end = place
        ? await (this.options.lane?.runJob ?? runJob)({
            client,
            driver: place.driver,
            claim,
            lease,
            log,
            ...(place.layers && { layers: place.layers }),
          })
        : await this.refuseImage(lease, claim.image);
      this.failures = end === "given_back" ? this.failures + 1 : 0;
      await beating;
    } finally {
      this.signal.removeEventListener("abort", stop);
      this.lease = null;
      log(`job ${claim.job_id}: lease over (${lease.end})`);
      if (lease.end === "stopping") await this.handBack(lease);
    }
  }

  /** The app gives such a job to nobody but those who offer its image, so it has taken this worker for another. */
  private async refuseImage(lease: Lease, image: ClaimAnswer["image"]): Promise<"given_back"> {
    await this.options.client.fail(lease.key, "image", `This runner has no image ${image}.`, lease.signal);
    lease.finish("finished");
    return "given_back";
  }

  /** The runner stops in good order, so that the job need not wait until the lease runs out. */
  private async handBack(lease: Lease): Promise<void> {
    const { client, log } = this.options;
    const message = "The runner was stopped.";
    await client
      .fail(lease.key, "runner_stopped", message, AbortSignal.timeout(1_500))
      .catch((error: unknown) => {
        log(`job ${lease.key.job_id}: could not be given back: ${String(error)}`);
      });
  }

  private beat(lease: Lease | null, signal: AbortSignal): Promise<void> {
    const { client, heartbeatMs, trouble = () => null } = this.options;
    const onAction = (action: HeartbeatAnswer["action"]) => this.act(action);
    return beat({ client, lease, intervalMs: heartbeatMs, signal, onAction, trouble });
  }

  private act(action: HeartbeatAnswer["action"]): void {
    this.draining = action === "drain";
    if (action === "kill") this.killed.abort();
    if (action === "kill" || action === "cancel") this.lease?.finish("cancelled");
  }
}
