import { describe, expect, test } from "vitest";
import type { JobEvent, NewJobEvent } from "@/server/domain/events";
import type { JobState } from "@/server/domain/job-state";
import type { SaidRow } from "./feed-row";
import { foldEvents } from "./job-log";
import { EMPTY_LOG, type JobLog } from "./log-model";

function logOf(...events: (NewJobEvent & { run?: number })[]): JobLog {
  const numbered = events.map((event, i) => ({
    run: 1,
    ...event,
    seq: i + 1,
    at: new Date(Date.UTC(2026, 0, 1, 0, 0, i)).toISOString(),
  })) as JobEvent[];
  // One by one: a message must be in its one place after every event.
  let log = EMPTY_LOG;
  for (const event of numbered) {
    log = foldEvents(log, [event]);
    const keys = [...saidIn(log), ...log.waiting].map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  }
  return log;
}
const saidIn = (log: JobLog) => log.rows.filter((row): row is SaidRow => row.kind === "said");
const said = (message: string, run = 1) =>
  ({ type: "steer.sent", run, data: { message, author: "ana", text: `text ${message}` } }) as const;
const read = (messages: string[], run = 1) =>
  ({ type: "steer.delivered", run, data: { messages, agent_run: "task-1/coder", turn: 3 } }) as const;
const carried = (messages: string[], run: number) =>
  ({ type: "steer.carried", run, data: { messages } }) as const;
const moved = (to: JobState, run = 1) =>
  ({
    type: "job.moved",
    run,
    data: { from: "running", to, move: "cancel", actor: "factory", reason: null },
  }) as const;

describe("a message to the agents", () => {
  test("stands in one place: among what waits, then before the answer of the turn that read it", () => {
    const waits = logOf(said("1"), said("2"));
    expect(saidIn(waits)).toEqual([]);
    expect(waits.waiting.map(({ text }) => text)).toEqual(["text 1", "text 2"]);
    const log = logOf(said("1"), said("2"), { type: "job.note", data: { text: "in between" } }, read(["1"]), {
      type: "agent.text",
      data: { agent_run: "task-1/coder", turn: 3, text: "Yes." },
    });
    expect(log.waiting.map(({ key }) => key)).toEqual(["said-2"]);
    expect(log.rows.map(({ kind }) => kind)).toEqual(["note", "said", "text"]);
    expect(saidIn(log)[0]).toMatchObject({
      state: "read",
      at: "2026-01-01T00:00:00.000Z",
      reader: { run: 1, agentRun: "task-1/coder", turn: 3 },
    });
  });

  test.each([
    ["failed", "unread"],
    ["cancelled", "unread"],
    ["escalated", "unread"],
    ["completed", "missed"],
  ] as const)("that waits when the job is %s becomes %s", (to, state) => {
    const log = logOf(said("1"), moved(to));
    expect(log.waiting).toEqual([]);
    expect(saidIn(log)).toMatchObject([{ state, text: "text 1" }]);
  });

  test("waits on while the job only rests", () => {
    expect(logOf(said("1"), moved("paused")).waiting).toHaveLength(1);
  });

  test("that was not read waits again in the run that takes it along, and is read there", () => {
    const begun = [
      said("1"),
      said("2"),
      read(["1"]),
      moved("cancelled"),
      moved("pending", 2),
      carried(["2"], 2),
    ];
    const waits = logOf(...begun);
    expect(waits.waiting).toMatchObject([{ key: "said-2", state: "waiting" }]);
    expect(saidIn(waits).map(({ key }) => key)).toEqual(["said-1"]);
    const log = logOf(...begun, read(["2"], 2));
    expect(saidIn(log).map(({ state, reader }) => [state, reader?.run])).toEqual([
      ["read", 1],
      ["read", 2],
    ]);
  });
});

test("an agent of a later run is another row than the one of the same name before", () => {
  const begin = (run: number) =>
    ({
      type: "agent.started",
      run,
      data: { agent_run: "plan", role: "planner", provider: "simulation", model: "sim-1", task: null },
    }) as const;
  const text = (run: number) =>
    ({ type: "agent.text", run, data: { agent_run: "plan", turn: 1, text: `run ${run}` } }) as const;
  const { rows } = logOf(begin(1), text(1), begin(2), text(2));
  expect(new Set(rows.map(({ key }) => key)).size).toBe(4);
  expect(rows.flatMap((row) => (row.kind === "text" ? [row.text] : []))).toEqual(["run 1", "run 2"]);
});
