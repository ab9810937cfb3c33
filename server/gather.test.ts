import { describe, expect, test } from "vitest";
import type { Db } from "./db";
import { gather } from "./gather";

const DB = {} as Db;
const refused = Object.assign(new Error("refused"), { code: "23505" });
const gone = Object.assign(new Error("gone"), { code: "ECONNRESET" });

interface Item {
  about: string;
  kind?: string;
}

/** A line whose statements are let go by hand. */
function line(
  answer: (items: Item[]) => (string | Error)[] = (items) => items.map(({ about }) => `did ${about}`),
  numbers: { few?: number; atOnce?: number } = {},
) {
  const statements: { items: string[]; go: () => void }[] = [];
  const call = gather<Item, string>({
    ...numbers,
    kind: ({ kind = "" }) => kind,
    about: ({ about }) => about,
    run: (_, items) =>
      new Promise((resolve, reject) => {
        const go = () => {
          try {
            resolve(answer(items));
          } catch (error) {
            reject(error);
          }
        };
        statements.push({ items: items.map(({ about }) => about), go });
      }),
  });
  return { call: (about: string, kind?: string) => call(DB, { about, ...(kind && { kind }) }), statements };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Lets every statement go until none comes any more. */
async function letGo(statements: { go: () => void }[]): Promise<void> {
  for (let i = 0; i < statements.length; i++) {
    statements[i]?.go();
    await turn();
    await turn();
  }
}

describe("calls that meet", () => {
  test("share a statement, and each gets its own answer", async () => {
    const { call, statements } = line();
    const answers = Promise.all(["a", "b", "c"].map((one) => call(one)));
    await turn();
    expect(statements.map(({ items }) => items)).toEqual([["a", "b", "c"]]);
    await letGo(statements);
    expect(await answers).toEqual(["did a", "did b", "did c"]);
  });

  test("wait while two statements are under way", async () => {
    const { call, statements } = line();
    const first = call("a");
    await turn();
    const second = call("b");
    await turn();
    const others = Promise.all([call("c"), call("d")]);
    await turn();
    expect(statements).toHaveLength(2);
    await letGo(statements);
    await Promise.all([first, second, others]);
    expect(statements.map(({ items }) => items)).toEqual([["a"], ["b"], ["c", "d"]]);
  });

  test("about what a statement under way is about wait for its end, whichever ends first", async () => {
    const { call, statements } = line();
    const first = call("a");
    await turn();
    const again = call("a");
    const other = call("b");
    await turn();
    expect(statements.map(({ items }) => items)).toEqual([["a"], ["b"]]);
    statements[1]?.go();
    expect(await other).toBe("did b");
    await turn();
    expect(statements).toHaveLength(2);
    statements[0]?.go();
    expect(await first).toBe("did a");
    await turn();
    expect(statements[2]?.items).toEqual(["a"]);
    statements[2]?.go();
    expect(await again).toBe("did a");
  });

  test("about the same go one after the other", async () => {
    const { call, statements } = line();
    const answers = Promise.all([call("a"), call("a"), call("b")]);
    await turn();
    await letGo(statements);
    await answers;
    expect(statements.map(({ items }) => items)).toEqual([["a", "b"], ["a"]]);
  });

  test("go in smaller groups and one after the other where that is asked for", async () => {
    const { call, statements } = line(undefined, { few: 2, atOnce: 1 });
    const answers = Promise.all(["a", "b", "c", "d", "e"].map((one) => call(one)));
    await turn();
    expect(statements).toHaveLength(1);
    statements[0]?.go();
    await turn();
    expect(statements).toHaveLength(2);
    await letGo(statements);
    await answers;
    expect(statements.map(({ items }) => items)).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  });

  test("of different kinds do not wait for each other", async () => {
    const { call, statements } = line();
    const answers = Promise.all([call("a", "x"), call("b", "y")]);
    await turn();
    expect(statements).toHaveLength(2);
    await letGo(statements);
    await answers;
  });

  test("in a long line are all answered", async () => {
    const { call, statements } = line();
    const names = Array.from({ length: 500 }, (_, i) => `n${i}`);
    const answers = Promise.all(names.map((one) => call(one)));
    await turn();
    await letGo(statements);
    expect(await answers).toEqual(names.map((one) => `did ${one}`));
    expect(statements.length).toBeLessThan(60);
  });
});

describe("a call that cannot be carried out", () => {
  test("is refused alone when the database undid the whole statement", async () => {
    const { call, statements } = line((items) => {
      if (items.some(({ about }) => about === "bad")) throw refused;
      return items.map(({ about }) => about);
    });
    const ends = Promise.allSettled([call("a"), call("bad"), call("b")]);
    await turn();
    await letGo(statements);
    expect((await ends).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  test("is refused alone when it alone came to an error", async () => {
    const { call, statements } = line((items) =>
      items.map(({ about }) => (about === "bad" ? refused : about)),
    );
    const ends = Promise.allSettled([call("bad"), call("b")]);
    await turn();
    await letGo(statements);
    expect((await ends).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  });

  test("is not made again when nobody knows what was done", async () => {
    const { call, statements } = line(() => {
      throw gone;
    });
    const ends = Promise.allSettled([call("a"), call("b")]);
    await turn();
    await letGo(statements);
    expect((await ends).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(statements).toHaveLength(1);
  });

  test("does not keep the next one from going", async () => {
    let broken = true;
    const { call, statements } = line((items) => {
      if (broken) throw gone;
      return items.map(({ about }) => about);
    });
    const first = call("a").catch(() => "failed");
    await turn();
    await letGo(statements);
    expect(await first).toBe("failed");
    broken = false;
    const second = call("b");
    await turn();
    statements.at(-1)?.go();
    expect(await second).toBe("b");
  });
});
