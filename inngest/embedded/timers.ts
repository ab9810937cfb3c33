/**
 * One timer for everything that is due: a heap in memory, a single setTimeout for its first entry.
 * Entries are never removed early; whoever is called back checks whether the entry still holds.
 */
import { Heap } from "./heap";

const LONGEST_MS = 2 ** 31 - 1;

interface Entry<Item> {
  dueAt: number;
  item: Item;
}

/** Calls back with each item once its time has come, in order of time. */
export class Timers<Item> {
  private readonly heap = new Heap<Entry<Item>>((left, right) => left.dueAt < right.dueAt);
  private timeout: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly now: () => number,
    private readonly onDue: (item: Item, dueAt: number) => void,
  ) {}

  /** Adds an item that is due at a time in milliseconds; a past time fires in the next turn. */
  add(dueAt: number, item: Item): void {
    const entry = { dueAt, item };
    this.heap.push(entry);
    if (this.heap.peek() === entry) this.arm();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timeout);
  }

  private arm(): void {
    clearTimeout(this.timeout);
    const first = this.heap.peek();
    if (!first || this.closed) return;
    const delay = Math.min(Math.max(0, first.dueAt - this.now()), LONGEST_MS);
    this.timeout = setTimeout(() => this.fire(), delay);
  }

  private fire(): void {
    const now = this.now();
    for (let first = this.heap.peek(); first && first.dueAt <= now; first = this.heap.peek()) {
      this.heap.pop();
      this.onDue(first.item, first.dueAt);
    }
    this.arm();
  }
}
