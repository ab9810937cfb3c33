// A database client at whose writes something can happen: how tests let a process die between any two of them.
import type { Db } from "@/server/db";

/** What commits by itself: a transaction, or a statement outside of one. */
const UNITS: readonly PropertyKey[] = ["$transaction", "$queryRaw", "$executeRaw"];

/** A client that calls `before` ahead of each transaction or statement and `after` behind it, with its number from 0. */
export function withHooks(
  db: Db,
  before: (count: number) => Promise<void> | void,
  after: (count: number) => void = () => undefined,
): Db {
  let count = 0;
  return new Proxy(db, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (!UNITS.includes(name)) return typeof value === "function" ? value.bind(target) : value;
      return async (...args: unknown[]) => {
        const mine = count++;
        await before(mine);
        const result = await (value as (...all: unknown[]) => Promise<unknown>).apply(target, args);
        after(mine);
        return result;
      };
    },
  });
}
