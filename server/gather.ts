// Calls that meet in this process go to the database as one statement: while one is under way, the next ones gather.
// Alone, a call goes at once; under load statements, commits and ways there and back are shared.
import type { Db } from "./db";

/**
 * How many calls share a statement: few, so that the next statement goes while the callers of this one are on their way
 * to what they do next; of a long line a part, so that it does not grow.
 */
const FEW = 4;
const PART = 4;
const MOST = 64;

export interface Gathering<Item, Result> {
  /** Only calls of one kind can share a statement. */
  kind: (item: Item) => string;
  /** What a call is about: a statement changes it once, so the second call waits for the next statement. */
  about: (item: Item) => string;
  /** One statement for all of them. @returns what each came to, in their order; an Error is thrown to its caller */
  run: (db: Db, items: Item[]) => Promise<(Result | Error)[]>;
}

interface Call<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Makes a function that gathers its calls.
 * Where a shared statement is refused by the database, each of its calls is made alone: one that cannot be carried out
 * is no reason to refuse the others.
 */
export function gather<Item, Result>(how: Gathering<Item, Result>): (db: Db, item: Item) => Promise<Result> {
  const lines = new WeakMap<Db, Map<string, Call<Item, Result>[]>>();
  return (db, item) =>
    new Promise<Result>((resolve, reject) => {
      const kinds = lines.get(db) ?? new Map<string, Call<Item, Result>[]>();
      lines.set(db, kinds);
      const kind = how.kind(item);
      const waiting = kinds.get(kind);
      const call = { item, resolve, reject };
      if (waiting) {
        waiting.push(call);
        return;
      }
      const line = [call];
      kinds.set(kind, line);
      // Whoever calls in this very turn comes along.
      setImmediate(() => void serve(db, how, line, () => kinds.delete(kind)));
    });
}

async function serve<Item, Result>(
  db: Db,
  how: Gathering<Item, Result>,
  line: Call<Item, Result>[],
  over: () => void,
): Promise<void> {
  while (line.length > 0) await carryOut(db, how, nextOf(line, how.about));
  over();
}

/** Takes the first ones out of the line, none of them about the same. */
function nextOf<Item, Result>(
  line: Call<Item, Result>[],
  about: (item: Item) => string,
): Call<Item, Result>[] {
  const size = Math.min(MOST, Math.max(FEW, Math.ceil(line.length / PART)));
  const taken = new Map<string, Call<Item, Result>>();
  const left: Call<Item, Result>[] = [];
  for (const call of line) {
    const what = about(call.item);
    if (taken.size < size && !taken.has(what)) taken.set(what, call);
    else left.push(call);
  }
  line.splice(0, line.length, ...left);
  return [...taken.values()];
}

async function carryOut<Item, Result>(
  db: Db,
  how: Gathering<Item, Result>,
  calls: Call<Item, Result>[],
): Promise<void> {
  try {
    const results = await how.run(
      db,
      calls.map(({ item }) => item),
    );
    calls.forEach(({ resolve, reject }, i) => {
      const result = results[i];
      if (result instanceof Error) reject(result);
      else resolve(result as Result);
    });
  } catch (error) {
    if (calls.length > 1 && wasUndone(error)) for (const call of calls) await carryOut(db, how, [call]);
    else for (const { reject } of calls) reject(error);
  }
}

/** The database said no and has undone the whole; of a lost connection nobody knows what was done. */
function wasUndone(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^(?:22|23|40)[0-9A-Z]{3}$/.test(code);
}
