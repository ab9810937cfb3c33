/**
 * One timer for everything that is due: a heap in memory, a single setTimeout for its first entry.
 * Entries are not removed one by one: whoever is called back checks whether the entry still holds, and when the heap
 * has doubled, those that do not hold any more are dropped together.
 */
import { Heap } from "./heap";

const LONGEST_MS = 2 ** 31 - 1;
const FIRST_CLEANING = 10_000;

interface Entry<Item> {
  dueAt: number;
  item: Item;
}

/** Calls back with each item once its time has come, in order of time. */
export class Timers<Item> {
  private readonly heap = new Heap<Entry<Item>>((left, right) => left.dueAt < right.dueAt);
  private timeout: NodeJS.Timeout | undefined;
  private closed = false;
  private cleanAt = FIRST_CLEANING;

  constructor(
    private readonly now: () => number,
    private readonly onDue: (item: Item, dueAt: number) => void,
    private readonly holds: (item: Item, dueAt: number) => boolean = () => true,
  ) {}

  /** How many entries there are, also those that do not hold any more. */
  get size(): number {
    return this.heap.size;
  }

  /** Adds an item that is due at a time in milliseconds; a past time fires in the next turn. */
  add(dueAt: number, item: Item): void {
    const entry = { dueAt, item };
    if (this.heap.size >= this.cleanAt) {
      this.heap.keep((known) => this.holds(known.item, known.dueAt));
      this.cleanAt = Math.max(FIRST_CLEANING, 2 * this.heap.size);
    }
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
