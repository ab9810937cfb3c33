import { describe, expect, expectTypeOf, test } from "vitest";
import type { JobState as StoredState } from "../generated/prisma/enums";
import { JobState as STORED } from "../generated/prisma/enums";
import {
  EXECUTING,
  isSettled,
  JOB_STATES,
  type JobMove,
  type JobState,
  NEW_RUN,
  nextState,
  SETTLED,
  TRANSITIONS,
} from "./job-state";

const MOVES = Object.keys(TRANSITIONS) as JobMove[];

/** The specification's table, written down once more by hand: event, from, to ("*": where it was). */
const TABLE: [move: JobMove, from: string, to: string][] = [
  ["queue", "draft", "pending"],
  ["first_claim", "pending", "running"],
  ["loop_green", "running", "validating"],
  ["passed", "validating", "approved"],
  ["rejected", "validating approved", "rejected"],
  ["correct", "rejected", "correcting"],
  ["exhausted", "rejected", "escalated"],
  ["correction_completed", "correcting", "validating"],
  ["correction_failed", "correcting", "rejected"],
  ["candidate_done", "validating", "completed"],
  ["correction_done", "running", "completed"],
  ["children_done", "running", "completed"],
  ["delivered", "approved", "completed"],
  ["delivery_refused", "approved", "escalated"],
  ["gave_up", "running validating approved", "failed"],
  ["stuck", "running", "escalated"],
  ["pause", "pending running validating correcting approved", "paused"],
  ["resume", "paused", "*"],
  ["retry_with_advice", "escalated", "pending"],
  ["approve_with_reason", "escalated", "approved"],
  ["abandon", "escalated", "cancelled"],
  ["retry", "failed cancelled", "pending"],
  ["cancel", "draft pending running validating approved rejected correcting escalated paused", "cancelled"],
];

describe("the state table", () => {
  test("has every event of the specification and no other", () => {
    expect(TABLE.map(([move]) => move).sort()).toEqual([...MOVES].sort());
  });

  test.each(TABLE)("%s", (move, from, to) => {
    for (const state of JOB_STATES) {
      const allowed = from.split(" ").includes(state);
      const wanted = allowed ? (to === "*" ? "validating" : to) : null;
      expect(`${state}: ${nextState(state, move, "validating")}`).toBe(`${state}: ${wanted}`);
    }
  });

  test("answers for every state and event, and only with a state or null", () => {
    for (const from of JOB_STATES)
      for (const move of MOVES) {
        const to = nextState(from, move, null);
        expect(to === null || JOB_STATES.includes(to)).toBe(true);
      }
  });

  test("resumes to nowhere when nothing is stored", () => {
    expect(nextState("paused", "resume", null)).toBeNull();
  });

  test("lets nothing out of a completed job, and only a retry out of the other settled ones", () => {
    const out = (state: JobState) => MOVES.filter((move) => nextState(state, move, "running"));
    expect(out("completed")).toEqual([]);
    expect(out("failed")).toEqual(["retry"]);
    expect(out("cancelled")).toEqual(["retry"]);
  });

  test("leads from a new job to every state, and from every unsettled state to a settled one", () => {
    const reach = (start: JobState) => {
      const seen = new Set<JobState>([start]);
      for (const state of seen)
        for (const move of MOVES) {
          const to = nextState(state, move, "running");
          if (to) seen.add(to);
        }
      return seen;
    };
    expect([...reach("draft")].sort()).toEqual([...JOB_STATES].sort());
    for (const state of JOB_STATES) expect([...reach(state)].some(isSettled)).toBe(true);
  });

  test("counts as a new run exactly what starts again from the beginning", () => {
    expect([...NEW_RUN].sort()).toEqual(["retry", "retry_with_advice"]);
  });

  test("lets a worker hold no settled and no waiting job", () => {
    const leased = JOB_STATES.filter((state) => EXECUTING[state]);
    expect(leased).toEqual(["pending", "running", "validating", "approved"]);
    expect(SETTLED.some((state) => EXECUTING[state])).toBe(false);
  });

  test("knows the same states as the database, at compile time and at run time", () => {
    expectTypeOf<StoredState>().toEqualTypeOf<JobState>();
    expect(Object.values(STORED)).toEqual([...JOB_STATES]);
  });
});
