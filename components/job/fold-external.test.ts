import { expect, test } from "vitest";
import type { JobEvent, NewJobEvent } from "@/server/domain/events";
import { foldEvents } from "./job-log";
import { EMPTY_LOG } from "./log-model";

/** What the Live tab says of it. */
function shown(...events: NewJobEvent[]): string[] {
  const numbered = events.map((event, i) => ({
    ...event,
    run: 1,
    seq: i + 1,
    at: new Date(Date.UTC(2026, 0, 1, 0, 0, i)).toISOString(),
  })) as JobEvent[];
  return foldEvents(EMPTY_LOG, numbered).rows.map((row) => ("text" in row ? row.text : row.kind));
}

test("everything that an external agent says is shown in words", () => {
  expect(
    shown(
      { type: "external.started", data: { agent: "mine" } },
      { type: "external.iteration", data: { n: 2 } },
      { type: "external.task", data: { id: "1", done: false } },
      { type: "external.task", data: { id: "1", done: true } },
      { type: "external.lock", data: { files: ["a.js", "b.js"] } },
      { type: "files.conflict", data: { with: "JOB-1", paths: ["a.js"], more: 0 } },
      { type: "external.learning", data: { kind: "gotcha", text: "ports" } },
      { type: "external.usage", data: { tokens: 1_200, cost: 0.5 } },
      { type: "external.usage", data: { tokens: 1, cost: 0 } },
      { type: "external.commit", data: { sha: "abc" } },
      { type: "external.said", data: { text: "I look." } },
      { type: "external.stuck", data: { reason: "no dictionary" } },
      { type: "external.completed", data: { summary: "all" } },
      { type: "external.failed", data: { reason: "broken" } },
      { type: "external.unknown", data: { name: "dreaming", data: "{}" } },
      { type: "external.invalid", data: { count: 3, sample: "???" } },
    ),
  ).toEqual([
    "The external agent began: mine",
    "External agent: iteration 2",
    "External agent: task 1 begun",
    "External agent: task 1 done",
    "External agent works on a.js, b.js",
    "JOB-1 works on the same files: a.js",
    "External agent learned (gotcha): ports",
    "External agent counts 1,200 tokens and $0.500, by its own count",
    "External agent counts 1 token, by its own count",
    "External agent: commit abc",
    "I look.",
    "External agent is stuck: no dictionary",
    "External agent says it is done: all",
    "External agent failed: broken",
    "External agent: dreaming {}",
    "3 lines of the external agent could not be read, such as: ???",
  ]);
});
