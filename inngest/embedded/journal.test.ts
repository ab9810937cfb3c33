import { expect, it } from "vitest";
import { Journal } from "./journal";
import type { Work } from "./records";

const work = (key: string, attempt = 0): Work => ({
  runId: "run",
  key,
  kind: "call",
  dueAt: 0,
  attempt,
  race: false,
  name: null,
  eventName: null,
  condition: null,
});

function collect() {
  const written: unknown[][][] = [];
  const store = {
    execute: async ({ values }: { values: unknown[][] }) => {
      written.push(values);
    },
  };
  return { written, store };
}

it("writes the final form of each row, in one statement, before any effect", async () => {
  const { written, store } = collect();
  const journal = new Journal(store, () => undefined);
  const seen: number[] = [];
  journal.putWork(work("a"));
  journal.afterCommit(() => seen.push(written.length));
  journal.putWork(work("a", 1));
  journal.putWork(work("b"));
  journal.deleteWork("run", "b");
  await journal.commit();
  expect(seen).toEqual([1]);
  expect(written).toEqual([
    [["run"], ["a"], ["call"], [0], [1], [false], [null], [null], [null], ["run"], ["b"]],
  ]);
});

it("collects the next batch while one is being written", async () => {
  const written: unknown[][][] = [];
  let release: () => void = () => undefined;
  const store = {
    execute: ({ values }: { values: unknown[][] }) => {
      written.push(values);
      return written.length === 1 ? new Promise<void>((resolve) => (release = resolve)) : Promise.resolve();
    },
  };
  const journal = new Journal(store, () => undefined);
  journal.putWork(work("a"));
  const first = journal.commit();
  await expect.poll(() => written.length).toBe(1);
  journal.putWork(work("b"));
  journal.putWork(work("c"));
  const second = journal.commit();
  release();
  await Promise.all([first, second]);
  expect(written.map((values) => values[1])).toEqual([["a"], ["b", "c"]]);
});

it("rejects whoever waits once the store has given up", async () => {
  const broken: unknown[] = [];
  const refusal = new Error("refused");
  const journal = new Journal({ execute: () => Promise.reject(refusal) }, (error) => broken.push(error));
  journal.putWork(work("a"));
  await expect(journal.commit()).rejects.toBe(refusal);
  await expect(journal.commit()).rejects.toBe(refusal);
  expect(broken).toEqual([refusal]);
});
