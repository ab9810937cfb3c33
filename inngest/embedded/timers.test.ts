import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Timers } from "./timers";

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

it("fires in order of time, the past at once, the far future in its time", () => {
  const fired: [string, number][] = [];
  const timers = new Timers<string>(Date.now, (item) => fired.push([item, Date.now()]));
  const month = 31 * 24 * 60 * 60 * 1000;
  for (const [dueAt, item] of [
    [month, "far"],
    [500, "b"],
    [-5, "past"],
    [100, "a"],
    [500, "c"],
    [700, "d"],
  ] as const) {
    timers.add(dueAt, item);
  }
  vi.advanceTimersByTime(600);
  expect(fired.map(([item]) => item).sort()).toEqual(["a", "b", "c", "past"]);
  expect(fired[0]).toEqual(["past", 0]);
  expect(fired[1]).toEqual(["a", 100]);
  vi.advanceTimersByTime(month);
  expect(fired.slice(-2)).toEqual([
    ["d", 700],
    ["far", month],
  ]);
});

it("is silent after close", () => {
  const fired: string[] = [];
  const timers = new Timers<string>(Date.now, (item) => fired.push(item));
  timers.add(10, "a");
  timers.close();
  timers.add(5, "b");
  vi.advanceTimersByTime(100);
  expect(fired).toEqual([]);
});

it("drops what does not hold any more once there is much of it", () => {
  const fired: number[] = [];
  const timers = new Timers<number>(
    Date.now,
    (item) => fired.push(item),
    (item) => item % 1000 === 0,
  );
  for (let item = 1; item <= 25_000; item++) timers.add(25_001 - item, item);
  expect(timers.size).toBeLessThan(10_100);
  vi.advanceTimersByTime(30_000);
  expect(fired.filter((item) => item % 1000 === 0)).toEqual(
    Array.from({ length: 25 }, (_, index) => (25 - index) * 1000),
  );
});
