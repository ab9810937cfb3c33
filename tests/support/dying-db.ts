// A database client at whose writes something can happen: how tests let a process die between any two of them.
import type { Db } from "@/server/db";

/** What commits by itself: a transaction, or a statement outside of one. */
const UNITS: readonly PropertyKey[] = ["$transaction", "$queryRaw", "$queryRawUnsafe", "$executeRaw"];

/** Statements that only look; nothing is lost between two of them. */
function isRead([first]: readonly unknown[]): boolean {
  const text = Array.isArray(first) ? first.join("?") : textOf(first);
  return /^\s*SELECT\b/.test(text) && !text.includes("pg_notify");
}

const textOf = (statement: unknown): string =>
  typeof statement === "string" ? statement : ((statement as { sql?: string } | undefined)?.sql ?? "");

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
        if (isRead(args)) return (value as (...all: unknown[]) => Promise<unknown>).apply(target, args);
        const mine = count++;
        await before(mine);
        const result = await (value as (...all: unknown[]) => Promise<unknown>).apply(target, args);
        after(mine);
        return result;
      };
    },
  });
}
