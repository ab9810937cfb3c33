// Calls that meet in this process go to the database as one statement: while two are under way, the next ones gather.
// Alone, a call goes at once; under load statements, commits and ways there and back are shared.
import type { Db } from "./db";

/**
 * How many calls share a statement: few, so that the next statement goes while the callers of this one are on their way
 * to what they do next; of a long line a part, so that it does not grow.
 */
const FEW = 8;
const PART = 4;
const MOST = 64;
/** How many statements of a kind are under way: while one waits for the disk, the database works on the other. */
const AT_ONCE = 2;

export interface Gathering<Item, Result> {
  /** Only calls of one kind can share a statement. */
  kind: (item: Item) => string;
  /** What a call is about: a statement changes it once, so the second call waits for the next statement. */
  about: (item: Item) => string;
  /** Other numbers than FEW and AT_ONCE. */
  few?: number;
  atOnce?: number;
  /** One statement for all of them. @returns what each came to, in their order; an Error is thrown to its caller */
  run: (db: Db, items: Item[], kind: string) => Promise<(Result | Error)[]>;
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
  const lines = new WeakMap<Db, Map<string, Line<Item, Result>>>();
  return (db, item) =>
    new Promise<Result>((resolve, reject) => {
      const kinds = lines.get(db) ?? new Map<string, Line<Item, Result>>();
      lines.set(db, kinds);
      const kind = how.kind(item);
      const line = kinds.get(kind) ?? { kind, calls: [], changing: new Set<string>(), underWay: 0 };
      kinds.set(kind, line);
      line.calls.push({ item, resolve, reject });
      // Whoever calls in this very turn comes along with the first.
      if (line.underWay === (how.atOnce ?? AT_ONCE) || line.calls.length > 1) return;
      line.underWay++;
      setImmediate(() => void serve(db, how, line, () => kinds.delete(kind)));
    });
}

/** The calls of one kind. */
interface Line<Item, Result> {
  kind: string;
  /** Those that wait. */
  calls: Call<Item, Result>[];
  /** What the statements under way are about. */
  changing: Set<string>;
  underWay: number;
}

async function serve<Item, Result>(
  db: Db,
  how: Gathering<Item, Result>,
  line: Line<Item, Result>,
  over: () => void,
): Promise<void> {
  for (let calls = nextOf(line, how); calls.length > 0; calls = nextOf(line, how)) {
    const about = calls.map(({ item }) => how.about(item));
    for (const what of about) line.changing.add(what);
    await carryOut(db, how, line.kind, calls);
    for (const what of about) line.changing.delete(what);
  }
  if (--line.underWay === 0) over();
}

/** Takes the first ones out of the line, none of them about the same or about what is being changed. */
function nextOf<Item, Result>(
  line: Line<Item, Result>,
  { about, few = FEW }: Gathering<Item, Result>,
): Call<Item, Result>[] {
  const size = Math.min(MOST, Math.max(few, Math.ceil(line.calls.length / PART)));
  const taken = new Map<string, Call<Item, Result>>();
  const left: Call<Item, Result>[] = [];
  for (const call of line.calls) {
    const what = about(call.item);
    if (taken.size < size && !taken.has(what) && !line.changing.has(what)) taken.set(what, call);
    else left.push(call);
  }
  line.calls.splice(0, line.calls.length, ...left);
  return [...taken.values()];
}

async function carryOut<Item, Result>(
  db: Db,
  how: Gathering<Item, Result>,
  kind: string,
  calls: Call<Item, Result>[],
): Promise<void> {
  try {
    const results = await how.run(
      db,
      calls.map(({ item }) => item),
      kind,
    );
    calls.forEach(({ resolve, reject }, i) => {
      const result = results[i];
      if (result instanceof Error) reject(result);
      else resolve(result as Result);
    });
  } catch (error) {
    if (calls.length > 1 && wasUndone(error)) for (const call of calls) await carryOut(db, how, kind, [call]);
    else for (const { reject } of calls) reject(error);
  }
}

/** The database said no and has undone the whole; of a lost connection nobody knows what was done. */
function wasUndone(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^(?:22|23|40)[0-9A-Z]{3}$/.test(code);
}
