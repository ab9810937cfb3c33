// Wake-ups for whoever listens. A notification is never the truth, so after a statement that stood alone it is sent
// behind the commit, many together: a NOTIFY inside would make all commits of the database queue up behind each other.
// Whoever waits in this process is told first, without the way over the database.
import { setTimeout as delay } from "node:timers/promises";
import { type Db, isOfProcess, runPlanned, runStatement, type Tx } from "../../db";
import { JOB_CHANNEL } from "../../events/append";
import { listener, PAYLOAD_END } from "../../events/listen";
import { Prisma } from "../../generated/prisma/client";
import { log } from "../../log";
import { HURRIED } from "./hurried";

export interface Wakeup {
  channel: string;
  payload: string;
  /** A later word about the same takes the place of this one, should it still wait to be sent. */
  about?: string;
}

/** Tells the log's readers how far it is now. */
export const logGrew = (job: { id: bigint; lastSeq: number; teamId: bigint }): Wakeup => ({
  channel: JOB_CHANNEL,
  payload: `${job.id}:${job.lastSeq}:${job.teamId}`,
  about: String(job.id),
});

/** Sends wake-ups when the caller's transaction commits. */
export async function announce(tx: Tx, wakeups: readonly Wakeup[]): Promise<void> {
  await runStatement(tx, notifying(wakeups));
}

/** The longest text of one notification, in bytes; Postgres takes less than 8,000. Payloads are ids, a byte a letter. */
const LONGEST = 7_000;

/** What goes to one channel is one notification: each of them costs the sender and every listener. */
function packed(wakeups: readonly Wakeup[]): Pick<Wakeup, "channel" | "payload">[] {
  const open = new Map<string, { channel: string; payload: string }>();
  const all: { channel: string; payload: string }[] = [];
  for (const { channel, payload } of wakeups) {
    const last = open.get(channel);
    if (last && last.payload.length + payload.length < LONGEST) {
      last.payload += PAYLOAD_END + payload;
      continue;
    }
    const next = { channel, payload };
    open.set(channel, next);
    all.push(next);
  }
  return all;
}

function notifying(wakeups: readonly Wakeup[]): Prisma.Sql {
  const all = packed(wakeups);
  const channels = all.map((one) => one.channel);
  const payloads = all.map((one) => one.payload);
  return Prisma.sql`
    SELECT pg_notify(w.channel, w.payload)::text FROM unnest(${channels}::text[], ${payloads}::text[]) AS w(channel, payload)`;
}

/** Between two sendings others gather, in milliseconds: a busy factory has thousands of wake-ups a second. */
const GATHER_MS = 10;

interface Waiting {
  /** By channel and what it is about: the same word twice wakes nobody more. */
  wakeups: Map<string, Wakeup>;
  sending: boolean;
}
const waiting = new WeakMap<Db, Waiting>();

/** Sends wake-ups at once when none were sent just now, else together with the next ones. Never throws. */
export function announceSoon(db: Db, wakeups: readonly Wakeup[]): void {
  const mine = waiting.get(db) ?? { wakeups: new Map(), sending: false };
  waiting.set(db, mine);
  for (const { channel, payload, about = payload } of wakeups) {
    const told = isOfProcess(db) ? listener().tell(channel, payload) : payload;
    mine.wakeups.set(`${channel}\n${about}`, { channel, payload: told });
  }
  if (mine.sending) return;
  mine.sending = true;
  // Whoever was told here asks the database first: for the others a moment later is soon enough.
  setImmediate(() => setImmediate(() => void sendAll(db, mine)));
}

async function sendAll(db: Db, mine: Waiting): Promise<void> {
  try {
    while (mine.wakeups.size > 0) {
      const batch = [...mine.wakeups.values()];
      mine.wakeups.clear();
      // A NOTIFY waits for the disk like any commit, although nothing of it is kept there.
      await runPlanned(db, Prisma.sql`WITH ${HURRIED} ${notifying(batch)} CROSS JOIN hurried`);
      await delay(GATHER_MS);
    }
  } catch (error) {
    // Whoever waits looks again by itself: polls end, sweeps run, streams ask after a silence.
    log.warn({ error: String(error) }, "wake-ups could not be sent");
  } finally {
    mine.sending = false;
  }
}
