/**
 * Kills the engine at every named moment around its durable writes: no accepted event, step result, timer or wait is
 * lost, no result is recorded twice, every run ends.
 * Longer: ENGINE_FAULT_CASES=500 npx vitest run tests/invariants/engine-faults; ENGINE_FAULT_SEED repeats a run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FaultWorld, withKeys } from "./engine-fault-case";
import { EVERYTHING, programs } from "./engine-programs";

const CASES = Number(process.env.ENGINE_FAULT_CASES ?? 6);
const SEED = process.env.ENGINE_FAULT_SEED;

/** One per kind of row and moment of its write, and where the engine talks to others. */
const POINTS = [
  "functions:before",
  "events:before",
  "events:sent",
  "events:after",
  "runs:sent",
  "runs:effects",
  "steps:before",
  "steps:sent",
  "steps:after",
  "steps:effects",
  "work-call:sent",
  "work-plan:after",
  "work-sleep:before",
  "work-sleep:after",
  "work-wait:sent",
  "work-wait:after",
  "work-invoke:before",
  "work-invoke:after",
  "goneWork:sent",
  "goneWork:after",
  "event:received",
  "event:committed",
  "checkpoint:received",
  "checkpoint:committed",
  "call:before",
  "call:answered",
  "timer:fired",
] as const;

const folder = mkdtempSync(join(tmpdir(), "fabrica-faults-"));
let world: FaultWorld;

beforeAll(async () => {
  world = await FaultWorld.open(folder);
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("an engine that is killed at a named moment", () => {
  it.each(POINTS)("%s", async (point) => {
    const both = [true, false].map((checkpointing) => ({ checkpointing, ops: EVERYTHING }));
    const deaths = await world.run(withKeys(both), [`${point}:1`]);
    expect(deaths).toBe(1);
  });
});

it(
  "keeps everything, whatever the programs are and wherever it is killed",
  async () => {
    const fault = fc
      .tuple(fc.constantFrom(...POINTS), fc.integer({ min: 1, max: 12 }))
      .map((pair) => pair.join(":"));
    const faults = fc.array(fault, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(programs, faults, async (list, points) => {
        await world.run(withKeys(list), points);
      }),
      { numRuns: CASES, endOnFailure: true, ...(SEED ? { seed: Number(SEED) } : {}) },
    );
  },
  CASES * 60_000,
);
