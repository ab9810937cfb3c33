import { describe, expect, test } from "vitest";
import { AppError, ERROR_STATUS } from "./errors";
import { Ended, GiveUp, NotYet, Stuck } from "./step-outcome";

describe("what a step body may throw", () => {
  test("is told apart by its class and says what it is", () => {
    const all = [new NotYet({ kind: "paused" }), new GiveUp("code", "why"), new Stuck("why"), new Ended()];
    expect(all.map((error) => error.name)).toEqual(["NotYet", "GiveUp", "Stuck", "Ended"]);
    for (const error of all) expect(error.message).not.toBe("");
    expect(all.filter((error) => error instanceof GiveUp)).toHaveLength(1);
    expect(new GiveUp("code", "why")).toMatchObject({ code: "code", message: "why" });
  });
});

describe("refusals", () => {
  test("have a status of their kind each", () => {
    for (const [code, status] of Object.entries(ERROR_STATUS)) {
      expect(status, code).toBeGreaterThanOrEqual(400);
      expect(status, code).toBeLessThan(600);
    }
    expect(ERROR_STATUS).toMatchObject({ not_found: 404, conflict: 409, stale_fence: 409, lease_over: 410 });
  });

  test("carry a code and when to try again", () => {
    expect(new AppError("unavailable", "Later.", 3)).toMatchObject({ code: "unavailable", retryAfter: 3 });
    expect(new AppError("not_found", "No.").retryAfter).toBeNull();
  });
});
