import { expect, it } from "vitest";
import { scheduleOf, TARGETS } from "./schedule";

const OPTIONS = { seed: 4, hits: 1_000, everyMs: 2_000, calmEvery: 20 };

it("is the same for the same seed, and another for another", () => {
  expect(scheduleOf(OPTIONS)).toEqual(scheduleOf(OPTIONS));
  expect(scheduleOf({ ...OPTIONS, hits: 10 }).slice(0, 9)).toEqual(scheduleOf(OPTIONS).slice(0, 9));
  expect(scheduleOf({ ...OPTIONS, seed: 5 })).not.toEqual(scheduleOf(OPTIONS));
});

it("hits everything in both ways, at the pace that was asked for, with calms between", () => {
  const hits = scheduleOf(OPTIONS);
  for (const target of TARGETS) {
    const signals = new Set(hits.filter((hit) => hit.target === target).map(({ signal }) => signal));
    expect([...signals].toSorted()).toEqual(target === "power" ? ["SIGKILL"] : ["SIGKILL", "SIGSTOP"]);
  }
  const mean = hits.reduce((sum, { afterMs }) => sum + afterMs, 0) / hits.length;
  expect(Math.abs(mean / OPTIONS.everyMs - 1)).toBeLessThan(0.05);
  expect(hits.filter(({ calm }) => calm)).toHaveLength(50);
  for (const { signal, sleepMs } of hits) expect(sleepMs > 0).toBe(signal === "SIGSTOP");
});
