/**
 * Decides when a due call may begin: every limit it falls under must have room. Waiting calls go in order of their
 * rank. Limits are of this moment and of this process, so nothing here is stored.
 *
 * Invariant: a waiting call is in the queue of one limit that had no room; whoever leaves that limit looks again.
 */
import { Heap } from "./heap";

/** A limit that a call falls under; calls with the same id share it. */
export interface Limit {
  id: string;
  size: number;
}

/** A call that wants to begin. */
export interface Waiter {
  limits: Limit[];
  /** Lower goes first. */
  rank: number;
  /** Whether it is still wanted when its turn comes. */
  isWanted(): boolean;
  /** Begins it; `leave` must be called once when it is over. */
  begin(leave: () => void): void;
}

interface Group {
  size: number;
  active: number;
  queue: Heap<{ waiter: Waiter; arrival: number }>;
}

/** All limits. */
export class CallGate {
  private readonly groups = new Map<string, Group>();
  private arrivals = 0;

  /** Begins the call now, or when there is room. */
  enter(waiter: Waiter): void {
    // The newest call knows the function's newest limit.
    for (const limit of waiter.limits) this.group(limit).size = limit.size;
    this.place(waiter, this.arrivals++);
  }

  private place(waiter: Waiter, arrival: number): void {
    const full = waiter.limits.map((limit) => this.group(limit)).find(({ active, size }) => active >= size);
    if (full) {
      full.queue.push({ waiter, arrival });
      return;
    }
    for (const limit of waiter.limits) this.group(limit).active++;
    let left = false;
    waiter.begin(() => {
      if (left) return;
      left = true;
      for (const { id } of waiter.limits) this.leave(id);
    });
  }

  private group({ id, size }: Limit): Group {
    const known = this.groups.get(id);
    if (known) return known;
    const queue = new Heap<{ waiter: Waiter; arrival: number }>(
      (left, right) =>
        left.waiter.rank < right.waiter.rank ||
        (left.waiter.rank === right.waiter.rank && left.arrival < right.arrival),
    );
    const group = { size, active: 0, queue };
    this.groups.set(id, group);
    return group;
  }

  private leave(id: string): void {
    const group = this.groups.get(id)!;
    group.active--;
    while (group.active < group.size) {
      const next = group.queue.pop();
      if (!next) break;
      if (next.waiter.isWanted()) this.place(next.waiter, next.arrival);
    }
    if (!group.active && !group.queue.size) this.groups.delete(id);
  }
}
