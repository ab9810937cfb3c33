// What the app does besides answering: sends the outbox and sweeps. Every part may run in several processes at once
// and twice in a row; each repeats on its own timer, never two of the same at a time.
import { join } from "node:path";
import { db } from "@/server/db";
import { env } from "@/server/env";
import { listener } from "@/server/events/listen";
import { log } from "@/server/log";
import { followCandidates } from "@/server/services/candidates/follow-candidates";
import { sweepParents } from "@/server/services/candidates/wake-parent";
import { sweepCapped } from "@/server/services/external/pause-capped";
import { sweepDependents } from "@/server/services/jobs/wake-dependents";
import { sweepLocks } from "@/server/services/locks/sweep-locks";
import { makeIndex, sweepVectors } from "@/server/services/memory/sweep-vectors";
import { OUTBOX_CHANNEL } from "@/server/services/outbox/add-to-outbox";
import { resendStarts } from "@/server/services/outbox/resend-starts";
import { resendWakeups } from "@/server/services/outbox/resend-wakeups";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { sweepPaused } from "@/server/services/queue/sweep-paused";
import { sweepTimeouts } from "@/server/services/queue/sweep-timeouts";
import { sweepSpend } from "@/server/services/spend/sweep-spend";
import { sweepRetention } from "@/server/services/transcripts/sweep-retention";
import { openProgramHost } from "@/server/workspaces/start-program";
import { sendOutbox } from "./send-outbox";

const SEND_RETRY_MS = 1_000;
const SEND_SWEEP_MS = 30_000;
const LISTEN_RETRY_MS = 1_000;
const SPEND_SWEEP_MS = 30_000;
const STARTS_SWEEP_MS = 30_000;
const DEPENDENTS_SWEEP_MS = 30_000;
const FOLLOW_MS = 2_000;
const VECTORS_SWEEP_MS = 30_000;
const RETENTION_SWEEP_MS = 60 * 60_000;

/** Starts the helper that starts git, the outbox sender and the sweeps; they end with the process, what is under way is done again later. */
export function startBackground(): void {
  openProgramHost(join(process.cwd(), "dist", "program-host.mjs"));
  const leaseMs = Math.max(200, Math.min(5_000, (env().LEASE_SECONDS * 1000) / 6));
  const sender = repeat("outbox", SEND_SWEEP_MS, () => sendOutbox(db()), SEND_RETRY_MS);
  const parts = [
    sender,
    repeat("leases", leaseMs, () => sweepLeases(db(), env().DEAD_SECONDS)),
    repeat("timeouts", leaseMs * 2, () => sweepTimeouts(db())),
    repeat("paused", leaseMs, () => sweepPaused(db())),
    repeat("parents", leaseMs, () => sweepParents(db())),
    repeat("progress", FOLLOW_MS, () => followCandidates(db())),
    repeat("locks", leaseMs, () => sweepLocks(db())),
    repeat("dependents", DEPENDENTS_SWEEP_MS, () => sweepDependents(db())),
    repeat("spend", SPEND_SWEEP_MS, () => sweepSpend(db())),
    repeat("capped", leaseMs, () => sweepCapped(db())),
    repeat("retention", RETENTION_SWEEP_MS, () => sweepRetention(db())),
    repeat("starts", STARTS_SWEEP_MS, () => resendStarts(db())),
    repeat("wake-ups", leaseMs, () => resendWakeups(db())),
    repeat("vectors", VECTORS_SWEEP_MS, () => sweepVectors(db())),
  ];
  void makeIndex(db());
  const stopListening = listenToOutbox(sender.now);
  const stop = () => {
    stopListening();
    for (const part of parts) part.stop();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
}

/** Calls `send` for every announced event. The database may be away when the app starts, so this is tried until it works. */
function listenToOutbox(send: () => void): () => void {
  let end = () => {};
  let stopped = false;
  const subscribe = async () => {
    if (stopped) return;
    try {
      end = await listener().subscribe(OUTBOX_CHANNEL, { notify: send, resumed: send });
      // What was written before is not announced again.
      send();
    } catch (error) {
      log.warn({ error: String(error) }, "the outbox is only swept until the database can be listened to");
      setTimeout(subscribe, LISTEN_RETRY_MS).unref();
    }
  };
  void subscribe();
  return () => {
    stopped = true;
    end();
  };
}

interface Repeated {
  now(): void;
  stop(): void;
}

/** Runs `work` now and every `everyMs`; sooner when told; after a fault again in `retryMs`. */
function repeat(name: string, everyMs: number, work: () => Promise<number>, retryMs = everyMs): Repeated {
  let timer: NodeJS.Timeout | null = null;
  let running = false;
  let again = false;
  let stopped = false;
  const later = (ms: number) => {
    if (stopped) return;
    if (timer) clearTimeout(timer);
    timer = setTimeout(run, ms);
    timer.unref();
  };
  const run = async () => {
    if (stopped) return;
    if (running) {
      again = true;
      return;
    }
    running = true;
    let wait = everyMs;
    try {
      do {
        again = false;
        const count = await work();
        if (count > 0) log.debug({ part: name, count }, "background work done");
      } while (again && !stopped);
    } catch (error) {
      wait = retryMs;
      log.warn({ part: name, error: String(error) }, "background work failed; it is tried again");
    } finally {
      running = false;
      later(wait);
    }
  };
  void run();
  return {
    now: () => void run(),
    stop: () => {
      stopped = true;
      if (timer) clearTimeout(timer);
    },
  };
}
