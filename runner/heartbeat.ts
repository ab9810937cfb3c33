// Tells the app that a worker lives, and hears from it whether to go on.
import { setTimeout as delay } from "node:timers/promises";
import type { Lease } from "./lease";
import type { HeartbeatAnswer } from "./protocol";
import { ServerRefusal, type WorkerClient } from "./server-client";

/** While a job is held the answer must come soon enough that a cancelled job stops within 5 s. */
const LONGEST_PAUSE_WITH_JOB_MS = 2_000;

export interface BeatOptions {
  client: WorkerClient;
  lease: Lease | null;
  intervalMs: number;
  signal: AbortSignal;
  onAction: (action: HeartbeatAnswer["action"]) => void;
}

/**
 * Sends heartbeats until the signal or the lease ends. Every answer confirms the lease; 404, 409 and 410 end it.
 * Throws ServerRefusal when the worker itself is not known any more.
 */
export async function beat(options: BeatOptions): Promise<void> {
  const { client, lease, onAction } = options;
  const pause = lease ? Math.min(options.intervalMs, LONGEST_PAUSE_WITH_JOB_MS) : options.intervalMs;
  const signal = lease ? AbortSignal.any([options.signal, lease.signal]) : options.signal;
  try {
    for (;;) {
      await delay(pause, undefined, { signal });
      const answer = await client.heartbeat({ lease: lease?.key ?? null }, signal);
      lease?.confirm();
      onAction(answer.action);
    }
  } catch (error) {
    if (signal.aborted) return;
    if (lease && error instanceof ServerRefusal && error.kind !== "token") return lease.finish("refused");
    throw error;
  }
}
