/**
 * A binary heap: the least entry first, in O(log n).
 */

/** Entries in the order that `before` names. */
export class Heap<Entry> {
  private entries: Entry[] = [];

  constructor(private readonly before: (left: Entry, right: Entry) => boolean) {}

  get size(): number {
    return this.entries.length;
  }

  /** The least entry, which stays. */
  peek(): Entry | undefined {
    return this.entries[0];
  }

  push(entry: Entry): void {
    const { entries, before } = this;
    let at = entries.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, entries[parent]!)) break;
      entries[at] = entries[parent]!;
      at = parent;
    }
    entries[at] = entry;
  }

  /** Takes the least entry out. */
  pop(): Entry | undefined {
    const { entries } = this;
    const first = entries[0];
    const last = entries.pop();
    if (entries.length && last !== undefined) this.sink(last);
    return first;
  }

  /** Drops the entries that a test refuses. */
  keep(holds: (entry: Entry) => boolean): void {
    const kept = this.entries.filter(holds);
    this.entries = [];
    for (const entry of kept) this.push(entry);
  }

  private sink(entry: Entry): void {
    const { entries, before } = this;
    let at = 0;
    for (;;) {
      let least = 2 * at + 1;
      if (least >= entries.length) break;
      if (least + 1 < entries.length && before(entries[least + 1]!, entries[least]!)) least++;
      if (!before(entries[least]!, entry)) break;
      entries[at] = entries[least]!;
      at = least;
    }
    entries[at] = entry;
  }
}
