import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { demoRequest } from "./demo-request";
import { bar, harmless, ProgressLine, summary } from "./progress-line";

const state = {
  progress: 0.425,
  status: "running",
  step: "test",
  iteration: 2,
  costUsd: 0.0123,
  output: "ok 3",
};

it("draws step, iteration, cost and the last line of output", () => {
  expect(bar(0.5, 4)).toBe("██░░");
  expect(summary(state)).toBe(`${bar(0.425)}  42%  test · iteration 2 · $0.0123`);
});

it("prints plain lines without a terminal, only when something changed", () => {
  const out = new PassThrough() as unknown as NodeJS.WriteStream;
  const line = new ProgressLine(out);
  line.show(state);
  line.show({ ...state, output: "ok 4", progress: 0.43 });
  line.show({ ...state, step: "verify" });
  const text = String((out as unknown as PassThrough).read());
  expect(text.trim().split("\n")).toHaveLength(2);
  expect(text).not.toContain("\u001b");
});

it("lets no program steer the terminal", () => {
  expect(harmless("\u001b[31mred\u001b[0m \u001b]0;title\u0007x\u202e\r\n")).toBe("red  ]0;title x");
});

it("makes a request from a person's words", () => {
  expect(demoRequest("  A blog\nwith tags ", "python")).toMatchObject({
    title: "A blog",
    description: "A blog\nwith tags",
    tech_stack: "python",
  });
  expect(demoRequest(undefined, "node").features.length).toBeGreaterThan(0);
  expect(demoRequest("x".repeat(500), "node").title.length).toBeLessThanOrEqual(80);
});
