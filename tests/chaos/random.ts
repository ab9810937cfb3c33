/** Numbers that look random and are the same for the same seed. */
import { createHash } from "node:crypto";

export interface Random {
  /** From 0 up to, but not including, 1. */
  next(): number;
  /** One of the items. */
  of<T>(items: readonly T[]): T;
}

/** @param seed any text; each text is a sequence of its own */
export function seeded(seed: string): Random {
  let count = 0;
  const next = () => createHash("sha256").update(`${seed}/${count++}`).digest().readUInt32BE() / 2 ** 32;
  return {
    next,
    of: (items) => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new Error("There is nothing to choose from.");
      return item;
    },
  };
}
