/**
 * One timer for everything that is due: a heap in memory, a single setTimeout for its first entry.
 * Entries are never removed early; whoever is called back checks whether the entry still holds.
 */

const LONGEST_MS = 2 ** 31 - 1;

interface Entry<Item> {
  dueAt: number;
  item: Item;
}

/** Calls back with each item once its time has come, in order of time. */
export class Timers<Item> {
  private heap: Entry<Item>[] = [];
  private timeout: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly now: () => number,
    private readonly onDue: (item: Item, dueAt: number) => void,
  ) {}

  /** Adds an item that is due at a time in milliseconds; a past time fires in the next turn. */
  add(dueAt: number, item: Item): void {
    const heap = this.heap;
    let at = heap.push({ dueAt, item }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.dueAt <= heap[at]!.dueAt) break;
      [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
      at = parent;
    }
    if (at === 0) this.arm();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timeout);
  }

  private arm(): void {
    clearTimeout(this.timeout);
    const first = this.heap[0];
    if (!first || this.closed) return;
    const delay = Math.min(Math.max(0, first.dueAt - this.now()), LONGEST_MS);
    this.timeout = setTimeout(() => this.fire(), delay);
  }

  private fire(): void {
    const now = this.now();
    while (this.heap[0] && this.heap[0].dueAt <= now) {
      const { item, dueAt } = this.pop();
      this.onDue(item, dueAt);
    }
    this.arm();
  }

  private pop(): Entry<Item> {
    const heap = this.heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length) {
      heap[0] = last;
      let at = 0;
      for (;;) {
        const left = 2 * at + 1;
        const right = left + 1;
        let least = at;
        if (left < heap.length && heap[left]!.dueAt < heap[least]!.dueAt) least = left;
        if (right < heap.length && heap[right]!.dueAt < heap[least]!.dueAt) least = right;
        if (least === at) break;
        [heap[least], heap[at]] = [heap[at]!, heap[least]!];
        at = least;
      }
    }
    return first;
  }
}
