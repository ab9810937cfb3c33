/**
 * Named moments at which a test may kill the engine. Nothing happens unless the process was armed with one of them:
 * then it ends itself with SIGKILL when it gets there for the given time.
 */
import { type Batch, kindsOf } from "./journal-statement";

/** Moments of a batch's write: sent but not confirmed, confirmed, what follows has begun. */
type JournalMoment = "sent" | "after" | "effects";

/** How long a write that never comes is waited for; an answer that was given too early is out by then. */
const STALL_MS = 100;

let armed: { name: string; left: number } | undefined;

/** Arms one point for this process: its name, a colon and how often it may be passed, plus one, such as "call:sent:3". */
export function armFaultPoint(text: string | undefined): void {
  const [, name, count] = /^(.+):(\d+)$/.exec(text ?? "") ?? [];
  armed = name && count ? { name, left: Number(count) } : undefined;
}

/** Passes a point. */
export function reach(name: string): void {
  if (isReached(name)) process.kill(process.pid, "SIGKILL");
}

function isReached(name: string): boolean {
  return armed?.name === name && --armed.left <= 0;
}

/** Passes the points of a batch: one for each kind of row in it. */
export function reachBatch(batch: Batch, moment: JournalMoment): void {
  if (!armed) return;
  for (const kind of kindsOf(batch)) reach(`${kind}:${moment}`);
}

/** The point before a batch is sent: the engine goes on for a moment without its write, then dies. */
export function stallBatch(batch: Batch): Promise<never> | undefined {
  if (!armed || !kindsOf(batch).some((kind) => isReached(`${kind}:before`))) return undefined;
  setTimeout(() => process.kill(process.pid, "SIGKILL"), STALL_MS);
  return new Promise(() => undefined);
}
