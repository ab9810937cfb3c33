import { describe, expect, it } from "vitest";
import { ModelError, type ModelFault } from "../models/port";
import { afterFault, type Tried } from "./after-fault";

const next = (fault: ModelFault, part: Partial<Tried> = {}, retryAfterMs: number | null = null) =>
  afterFault(new ModelError(fault, "away", retryAfterMs), {
    tries: 1,
    allTries: part.tries ?? 1,
    hasOther: false,
    standsIn: false,
    ...part,
  });
const MINUTE = 60_000;

describe("a model that is away for a moment", () => {
  it.each(["overloaded", "timeout", "network", "malformed", "quota"] as const)(
    "%s: is asked again, each time later",
    (fault) => {
      const waits = [1, 2, 3].map((tries) => next(fault, { tries, hasOther: true }));
      expect(waits).toEqual([2_000, 4_000, 8_000].map((ms) => ({ do: "again", ms })));
    },
  );

  it("is asked when it says so", () => {
    expect(next("quota", {}, 7_000)).toEqual({ do: "again", ms: 7_000 });
    expect(next("overloaded", {}, 0)).toEqual({ do: "again", ms: 0 });
    expect(next("quota", { tries: 9 }, 60_000)).toEqual({ do: "again", ms: 60_000 });
  });
});

describe("a model that stays away", () => {
  it.each(["overloaded", "timeout", "network", "malformed"] as const)(
    "%s: another one stands in after four tries",
    (fault) => expect(next(fault, { tries: 4, hasOther: true })).toEqual({ do: "switch" }),
  );

  it("for longer than a minute, by its own word, is not waited for when another one is there", () => {
    expect(next("quota", { hasOther: true }, MINUTE + 1)).toEqual({ do: "switch" });
    expect(next("overloaded", { hasOther: true }, 5 * MINUTE)).toEqual({ do: "switch" });
  });

  it("with nobody to stand in pauses the job, for as long as it says or longer each time", () => {
    expect(next("quota", {}, 3_600_000)).toEqual({ do: "pause", ms: 3_600_000, back: false });
    expect(next("overloaded", {}, 90_000)).toEqual({ do: "pause", ms: 90_000, back: false });
    const pauses = [4, 5, 6, 7, 20].map((tries) => next("overloaded", { tries }));
    expect(pauses).toEqual(
      [10, 20, 40, 60, 60].map((minutes) => ({ do: "pause", ms: minutes * MINUTE, back: false })),
    );
  });

  it("is given up after about a day, but for a quota", () => {
    for (const fault of ["overloaded", "timeout", "network"] as const)
      expect(next(fault, { tries: 32 })).toEqual({ do: "give_up", code: "model_unavailable" });
    expect(next("quota", { tries: 500 })).toEqual({ do: "pause", ms: 10 * MINUTE, back: false });
  });
});

describe("a request that is refused", () => {
  it("ends the job when nobody else can be asked", () => {
    expect(next("invalid")).toEqual({ do: "give_up", code: "model_refused" });
  });
  it("is put to the other model at once", () => {
    expect(next("invalid", { hasOther: true })).toEqual({ do: "switch" });
  });
});

describe("answers that cannot be read", () => {
  it("end the job after four tries: to wait mends nothing", () => {
    expect(next("malformed", { tries: 4 })).toEqual({ do: "give_up", code: "model_unavailable" });
  });
});

describe("the model that stands in", () => {
  const standsIn = { hasOther: true, standsIn: true };
  it.each(["overloaded", "network", "malformed"] as const)("%s: gets its tries, too", (fault) => {
    expect(next(fault, { ...standsIn, tries: 1, allTries: 5 })).toEqual({ do: "again", ms: 2_000 });
    expect(next(fault, { ...standsIn, tries: 4, allTries: 8 })).toMatchObject({ do: "pause", back: true });
  });
  it("that refuses leads back to the first one, later, and not to a failure", () => {
    expect(next("invalid", { ...standsIn, allTries: 2 })).toMatchObject({ do: "pause", back: true });
  });
  it("is not gone to and fro with for ever", () => {
    expect(next("invalid", { ...standsIn, allTries: 32 })).toEqual({ do: "give_up", code: "model_refused" });
  });
});
