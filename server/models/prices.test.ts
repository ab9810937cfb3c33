import { describe, expect, it } from "vitest";
import type { Usage } from "./port";
import { CLAUDE, costMicro, priceOf, tokensFor, upperBoundMicro } from "./prices";

const usage = (part: Partial<Usage>): Usage => ({
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite: 0,
  ...part,
});

/** A small generator of repeatable numbers (mulberry32), so that a failure can be run again. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}

describe("prices", () => {
  it("are found under every usual name of a model", () => {
    for (const name of [
      "claude-haiku-4-5",
      "claude-haiku-4-5-20251001",
      "anthropic/claude-haiku-4-5",
      "Claude-Haiku-4-5",
    ]) {
      expect(priceOf("anthropic", name)).toMatchObject({
        model: "claude-haiku-4-5",
        known: true,
        note: null,
      });
    }
    expect(priceOf("anthropic", "claude-sonnet-5-5[1m]").model).toBe("claude-sonnet-5-5");
    expect(priceOf("anthropic", "claude-opus-4-20250514").model).toBe("claude-opus-4");
    expect(priceOf("anthropic", "claude-opus-5").model).toBe("claude-opus-5");
  });

  it("of an unknown Claude are those of the dearest, and say so", () => {
    const price = priceOf("anthropic", "claude-unheard-of-9");
    expect(price.known).toBe(false);
    expect(price.note).toContain("claude-unheard-of-9");
    const one = usage({ input: 1_000_000, output: 1_000_000 });
    for (const name of ["claude-fable-5-2", "claude-opus-4-1", "claude-sonnet-5-5", "claude-haiku-5-5"]) {
      expect(costMicro(price, one)).toBeGreaterThanOrEqual(costMicro(priceOf("anthropic", name), one));
    }
  });

  it("are those of the day of the call", () => {
    const cached = usage({ cacheRead: 1_000_000 });
    const on = (at: string) => priceOf("anthropic", "claude-sonnet-5-5", new Date(at));
    expect(costMicro(on("2026-10-06T23:59:59.999Z"), cached)).toBe(200_000);
    expect(costMicro(on("2026-10-07T00:00:00.000Z"), cached)).toBe(100_000);
    expect(on("2026-10-06T12:00:00Z")).toMatchObject({
      known: true,
      from: "2026-09-28",
      until: "2026-10-07",
    });
    expect(on("2026-11-21T12:00:00Z")).toMatchObject({ known: true, from: "2026-10-07", until: null });
    // The day in UTC, wherever the clock stands.
    expect(on("2026-10-07T01:00:00+02:00").until).toBe("2026-10-07");
  });

  it("of a model before its first day are its first ones", () => {
    const early = priceOf("anthropic", "claude-haiku-4-5", new Date("2026-01-01T00:00:00Z"));
    expect(early).toMatchObject({ known: true, model: "claude-haiku-4-5", note: null });
  });

  it("that have run out without a next one are those of the dearest, and say so", () => {
    const [first] = CLAUDE;
    if (!first) throw new Error("the table is empty");
    const dear = { ...first, model: "claude-dear-1" };
    const ended = {
      ...first,
      model: "claude-ended-1",
      until: "2026-12-01",
      dollars: { ...first.dollars, output: 1 },
    };
    const on = (at: string) => priceOf("anthropic", "claude-ended-1", new Date(at), [ended, dear]);
    expect(on("2026-11-30T00:00:00Z")).toMatchObject({ known: true, model: "claude-ended-1" });
    const over = on("2026-12-01T00:00:00Z");
    expect(over).toMatchObject({ known: false, model: "claude-dear-1" });
    expect(over.note).toContain("2026-12-01");
  });

  it("have days that follow each other without a gap or an overlap", () => {
    const day = /^20\d\d-\d\d-\d\d$/;
    for (const { model, from, until } of CLAUDE) {
      expect(from).toMatch(day);
      if (until !== null) expect([model, until > from, day.test(until)]).toEqual([model, true, true]);
      const others = CLAUDE.filter((other) => other.model === model && other.from > from);
      const next = others.sort((a, b) => (a.from < b.from ? -1 : 1))[0];
      expect([model, until]).toEqual([model, next?.from ?? null]);
    }
  });

  it("are dollars per million tokens", () => {
    const price = priceOf("anthropic", "claude-sonnet-4-5");
    expect(costMicro(price, usage({ input: 1_000_000 }))).toBe(3_000_000);
    expect(costMicro(price, usage({ output: 1_000_000 }))).toBe(15_000_000);
    expect(costMicro(price, usage({ cacheRead: 1_000_000 }))).toBe(300_000);
    expect(costMicro(price, usage({ cacheWrite: 1_000_000 }))).toBe(3_750_000);
  });

  it("are rounded up once per call", () => {
    const price = priceOf("anthropic", "claude-haiku-5-5");
    expect(costMicro(price, usage({ input: 1 }))).toBe(1);
    expect(costMicro(price, usage({ input: 1, output: 1, cacheRead: 1, cacheWrite: 1 }))).toBe(1);
    expect(costMicro(price, usage({}))).toBe(0);
  });

  it("of a long prompt hold for the whole call", () => {
    const price = priceOf("anthropic", "claude-haiku-5-5");
    expect(costMicro(price, usage({ input: 100_000, output: 1000 }))).toBe(10_500);
    expect(costMicro(price, usage({ input: 60_000, cacheRead: 40_001, output: 1000 }))).toBe(34_501);
  });

  it("are nothing for Ollama and visible for simulation", () => {
    const much = usage({ input: 1e6, output: 1e6 });
    expect(costMicro(priceOf("ollama", "qwen2.5-coder:14b"), much)).toBe(0);
    expect(tokensFor(priceOf("ollama", "x"), 0)).toBe(Number.MAX_SAFE_INTEGER);
    expect(costMicro(priceOf("simulation", "simulation"), much)).toBe(6_000_000);
  });

  it("do not turn odd counts into gifts", () => {
    const price = priceOf("anthropic", "claude-sonnet-4-5");
    expect(costMicro(price, usage({ input: -5, output: 10 }))).toBe(150);
    expect(costMicro(price, usage({ input: Number.NaN, output: 0.5 }))).toBe(15);
  });
});

describe("the upper bound", () => {
  const models = ["claude-fable-5-2", "claude-opus-5-5", "claude-haiku-5-5", "claude-haiku-4-5", "unknown"];

  it("is never below the cost of a call within it", () => {
    const next = numbers(20_261_121);
    for (let round = 0; round < 5000; round += 1) {
      const price = priceOf("anthropic", models[next(models.length)] ?? "");
      const call = usage({
        input: next(150_000),
        cacheRead: next(150_000),
        cacheWrite: next(150_000),
        output: next(20_000),
      });
      const inputTokens = call.input + call.cacheRead + call.cacheWrite + next(1000);
      const bound = upperBoundMicro(price, { inputTokens, maxTokens: call.output + next(100) });
      expect(bound).toBeGreaterThanOrEqual(costMicro(price, call));
    }
  });

  it("of the tokens that a sum buys is within the sum, and one more is not", () => {
    const next = numbers(7);
    for (let round = 0; round < 5000; round += 1) {
      const price = priceOf("anthropic", models[next(models.length)] ?? "");
      const inputTokens = next(200_000);
      const micro = next(5_000_000);
      const maxTokens = tokensFor(price, micro, inputTokens);
      if (maxTokens > 0)
        expect(upperBoundMicro(price, { inputTokens, maxTokens })).toBeLessThanOrEqual(micro);
      expect(upperBoundMicro(price, { inputTokens, maxTokens: maxTokens + 1 })).toBeGreaterThan(micro);
    }
  });

  it("buys nothing when the prompt alone is too dear", () => {
    expect(tokensFor(priceOf("anthropic", "claude-opus-5-5"), 100, 1_000_000)).toBe(0);
    expect(tokensFor(priceOf("anthropic", "claude-opus-5-5"), -1)).toBe(0);
  });
});
