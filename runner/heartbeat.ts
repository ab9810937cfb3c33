// Tells the app that a worker lives, and hears from it whether to go on.
import { setTimeout as delay } from "node:timers/promises";
import type { Lease } from "./lease";
import type { HeartbeatAnswer } from "./protocol";
import { ServerRefusal, type WorkerClient } from "./server-client";

/** While a job is held the answer must come soon enough that a cancelled job stops within 5 s. */
const LONGEST_PAUSE_WITH_JOB_MS = 2_000;
/** Least time for one question; on a line that was cut off no answer ever comes, and only a new one gets through. */
const LEAST_PATIENCE_MS = 2_000;

export interface BeatOptions {
  client: WorkerClient;
  lease: Lease | null;
  intervalMs: number;
  signal: AbortSignal;
  onAction: (action: HeartbeatAnswer["action"]) => void;
  /** Why this host can take no job just now; null when it can. */
  trouble?: () => string | null;
}

/** When each worker was last heard: jobs that are over within seconds must not make it look dead. */
const lastBeats = new WeakMap<WorkerClient, number>();

/**
 * Sends heartbeats until the signal or the lease ends. Every answer confirms the lease; 404, 409 and 410 end it.
 * Throws ServerRefusal when the worker itself is not known any more.
 */
export async function beat(options: BeatOptions): Promise<void> {
  const { client, lease, onAction } = options;
  const signal = lease ? AbortSignal.any([options.signal, lease.signal]) : options.signal;
  try {
    for (let pause = firstPause(options); ; pause = laterPause(options)) {
      await delay(pause, undefined, { signal });
      const asked = performance.now();
      const answer = await ask(options, signal);
      if (!answer) continue;
      lastBeats.set(client, asked);
      // The server counted from when it heard the question; the answer may have been long on its way.
      lease?.confirm(asked);
      onAction(answer.action);
    }
  } catch (error) {
    if (signal.aborted) return;
    if (lease && error instanceof ServerRefusal && error.kind !== "token") return lease.finish("refused");
    throw error;
  }
}

function firstPause(options: BeatOptions): number {
  const last = options.lease ? undefined : lastBeats.get(options.client);
  const pause = laterPause(options);
  return last === undefined ? pause : Math.max(0, pause - (performance.now() - last));
}

function laterPause({ lease, intervalMs }: BeatOptions): number {
  return lease ? Math.min(intervalMs, LONGEST_PAUSE_WITH_JOB_MS) : intervalMs;
}

/** One heartbeat; null when no answer came in time. */
async function ask({ client, lease, intervalMs, trouble }: BeatOptions, signal: AbortSignal) {
  const reason = trouble?.();
  const request = {
    lease: lease?.key ?? null,
    ...(lease?.iteration !== undefined && { iteration: lease.iteration }),
    ...(reason && { trouble: reason }),
  };
  const patience = AbortSignal.timeout(Math.max(LEAST_PATIENCE_MS, 2 * intervalMs));
  try {
    return await client.heartbeat(request, AbortSignal.any([signal, patience]));
  } catch (error) {
    if (patience.aborted && !signal.aborted) return null;
    throw error;
  }
}
