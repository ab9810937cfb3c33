import { describe, expect, expectTypeOf, test } from "vitest";
import type { Lane as StoredLane } from "../generated/prisma/enums";
import { Lane as STORED } from "../generated/prisma/enums";
import { LANE_TABLE, LANES, type Lane, laneOf, parseLaneLimits } from "./lane";

describe("lanes", () => {
  test("are those of the database, at compile time and at run time", () => {
    expectTypeOf<StoredLane>().toEqualTypeOf<Lane>();
    expect(Object.values(STORED)).toEqual([...LANES]);
  });

  test.each([
    ["build", "pending", "owners"],
    ["build", "running", "owners"],
    ["build", "validating", "validation"],
    ["change", "approved", "validation"],
    ["correction", "running", "debugging"],
    ["correction", "pending", "debugging"],
    ["candidate", "running", "owners"],
    ["candidate", "validating", "test"],
  ] as const)("a %s that is %s belongs to %s", (kind, state, lane) => {
    expect(laneOf(kind, state)).toBe(lane);
    expect(LANE_TABLE[kind][state]).toBe(lane);
  });
});

describe("limits of lanes as the setting has them", () => {
  test.each([
    ["", {}],
    ["validation=2", { validation: 2 }],
    [" owners = 8 , test=1,", { owners: 8, test: 1 }],
  ])("%j is read", (text, limits) => expect(parseLaneLimits(text)).toEqual(limits));

  test.each(["validation", "validation=0", "validation=-1", "validation=1.5", "coding=2", "test=1=2", "=1"])(
    "%j is refused",
    (text) => expect(parseLaneLimits(text)).toBeNull(),
  );
});
