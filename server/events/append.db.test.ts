import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addTeam, type Core, eventsOf, fileJob, reload, startCore } from "@/tests/support/settings";
import type { Ctx } from "../context";
import { appendEvents } from "./append";
import { waitFor } from "./wait-for";

let core: Core;
let ctx: Ctx;
beforeAll(async () => {
  core = await startCore();
  ctx = await addTeam(core.db, "north");
});
afterAll(() => core.close());

const note = (text: string) => ({ type: "job.note" as const, data: { text } });

describe("a job's log", () => {
  test("numbers without gaps, in the order given, whoever appends at the same moment", async () => {
    const job = await fileJob(ctx);
    const batches = Array.from({ length: 25 }, (_, i) => [note(`${i}a`), note(`${i}b`), note(`${i}c`)]);
    await Promise.all(
      batches.map((events) => core.db.$transaction((tx) => appendEvents(tx, job.id, events))),
    );
    const log = await eventsOf(core.db, job);
    expect(log.map((event) => event.seq)).toEqual(Array.from({ length: 76 }, (_, i) => i + 1));
    const texts = log.slice(1).map((event) => String(event.data.text));
    for (let at = 0; at < texts.length; at += 3) {
      const [, n] = /^(\d+)a$/.exec(texts[at] ?? "") ?? [];
      expect(texts.slice(at, at + 3)).toEqual([`${n}a`, `${n}b`, `${n}c`]);
    }
    expect((await reload(core.db, job)).lastSeq).toBe(76);
  });

  test("keeps no number of a transaction that was rolled back", async () => {
    const job = await fileJob(ctx);
    await core.db
      .$transaction(async (tx) => {
        await appendEvents(tx, job.id, [note("gone")]);
        throw new Error("roll back");
      })
      .catch(() => undefined);
    await core.db.$transaction((tx) => appendEvents(tx, job.id, [note("there")]));
    expect((await eventsOf(core.db, job)).map((event) => [event.seq, event.data.text])).toEqual([
      [1, undefined],
      [2, "there"],
    ]);
  });

  test("takes any text that there is", async () => {
    const job = await fileJob(ctx);
    const texts = ["a\u0000b", "\ud83d", 'x"\\u0000', "😀", "x".repeat(1_000_000), "'; DROP TABLE job; --"];
    await core.db.$transaction((tx) => appendEvents(tx, job.id, texts.map(note)));
    const stored = (await eventsOf(core.db, job)).slice(1).map((event) => event.data.text);
    expect(stored).toEqual(["a␀b", "\ufffd", ...texts.slice(2)]);
  });

  test("of a job that is not there takes nothing", async () => {
    await core.db.$transaction((tx) => appendEvents(tx, 999_999n, [note("x")]));
    expect(await core.db.jobEvent.count({ where: { jobId: 999_999n } })).toBe(0);
  });
});

describe("waiting for a change", () => {
  const notify = (payload: string) => core.db.$queryRaw`SELECT pg_notify('fabrica_test', ${payload})::text`;

  test("sees what is there already without waiting", async () => {
    expect(await waitFor("fabrica_test", async () => "there", { waitMs: 0 })).toBe("there");
  });

  test("sees what comes while it looks for the first time", async () => {
    let looks = 0;
    const look = async () => {
      if (++looks === 1) await notify("now");
      return looks === 2 ? looks : null;
    };
    expect(await waitFor("fabrica_test", look, { waitMs: 30_000 })).toBe(2);
  });

  test("wakes by a notification that it wants, and only by such", async () => {
    let value: string | null = null;
    let looks = 0;
    const seen: string[] = [];
    const waiting = waitFor(
      "fabrica_test",
      async () => {
        looks++;
        return value;
      },
      {
        waitMs: 30_000,
        wants: (payload) => {
          seen.push(payload);
          return payload === "mine";
        },
      },
    );
    while (looks < 1) await core.db.$queryRaw`SELECT 1`;
    value = "set";
    await notify("other");
    while (!seen.includes("other")) await core.db.$queryRaw`SELECT 1`;
    expect(looks).toBe(1);
    await notify("mine");
    expect(await waiting).toBe("set");
    expect(looks).toBe(2);
  });

  test("ends when it is told to, and when its time is over", async () => {
    const stop = new AbortController();
    const waiting = waitFor("fabrica_test", async () => null, { waitMs: 30_000, signal: stop.signal });
    stop.abort();
    expect(await waiting).toBeNull();
    expect(await waitFor("fabrica_test", async () => null, { waitMs: 20 })).toBeNull();
  });

  test("passes a fault of the look on", async () => {
    const fault = waitFor("fabrica_test", () => Promise.reject(new Error("no database")), { waitMs: 10 });
    await expect(fault).rejects.toThrow("no database");
  });
});
