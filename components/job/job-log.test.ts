import { describe, expect, it } from "vitest";
import type { JobEvent, NewJobEvent } from "@/server/domain/events";
import type { CallRow } from "./feed-row";
import { foldEvents } from "./job-log";
import { EMPTY_LOG } from "./log-model";

const START = Date.UTC(2026, 0, 1);

/** Numbers events from 1, one second apart. */
function logOf(...events: (NewJobEvent & { run?: number })[]): JobEvent[] {
  return events.map((event, i) => ({
    run: 1,
    ...event,
    seq: i + 1,
    at: new Date(START + i * 1000).toISOString(),
  })) as JobEvent[];
}

const STORY = logOf(
  { type: "job.created", data: { title: "Shop", kind: "build" } },
  { type: "lease.claimed", data: { worker_id: "worker-AAAA", fence: 1 } },
  {
    type: "job.moved",
    data: { from: "pending", to: "running", move: "first_claim", actor: "worker-AAAA", reason: null },
  },
  { type: "job.step", data: { step: "generate", task: 1, progress: 0.1, iteration: 1 } },
  {
    type: "agent.started",
    data: { agent_run: "a1", role: "coder", provider: "simulation", model: "sim-1", task: 1 },
  },
  { type: "agent.text", data: { agent_run: "a1", turn: 1, text: "I will " } },
  { type: "agent.text", data: { agent_run: "a1", turn: 1, text: "write it." } },
  { type: "command.started", data: { command_id: "c1", title: "ls" } },
  { type: "agent.call", data: { agent_run: "a1", turn: 1, tool: "run", title: "ls", command_id: "c1" } },
  { type: "agent.call", data: { agent_run: "a1", turn: 1, tool: "run", title: "pwd", command_id: "c2" } },
  { type: "command.output", data: { command_id: "c1", stream: "stdout", text: "a.js\n" } },
  { type: "command.finished", data: { command_id: "c1", exit_code: 0, duration_ms: 12, note: null } },
  { type: "agent.observed", data: { agent_run: "a1", turn: 1, tool: "run", ok: true, text: "exit 0" } },
  { type: "agent.finished", data: { agent_run: "a1", ok: true, summary: "done", turns: 1, cost_usd: 0.01 } },
  { type: "spend.settled", data: { role: "coder", model: "sim-1", cost_usd: 0.01, total_usd: 0.01 } },
  { type: "job.step", data: { step: "test", task: 1, progress: 0.4, iteration: 1 } },
  { type: "command.started", data: { command_id: "c3", title: "node --test" } },
  { type: "check.finished", data: { kind: "test", task: 1, passed: false, summary: "1 of 3 failed" } },
  { type: "task.done", data: { n: 1, fixes: 1 } },
  {
    type: "job.moved",
    data: { from: "approved", to: "completed", move: "delivered", actor: "engine", reason: null },
  },
);

describe("foldEvents", () => {
  it("gives the same log in whatever batches the events come", () => {
    const whole = foldEvents(EMPTY_LOG, STORY);
    for (const size of [1, 2, 3, 7]) {
      let log = EMPTY_LOG;
      for (let i = 0; i < STORY.length; i += size) log = foldEvents(log, STORY.slice(i, i + size));
      expect(log).toEqual(whole);
    }
  });

  it("changes nothing when events come twice", () => {
    const once = foldEvents(EMPTY_LOG, STORY);
    expect(foldEvents(once, STORY)).toBe(once);
    expect(foldEvents(foldEvents(EMPTY_LOG, STORY.slice(0, 9)), STORY)).toEqual(once);
  });

  it("joins streamed text and ties results and output to their call", () => {
    const log = foldEvents(EMPTY_LOG, STORY);
    expect(log.rows.find((row) => row.kind === "text")).toMatchObject({ text: "I will write it." });
    const calls = log.rows.filter((row): row is CallRow => row.kind === "call");
    expect(calls.map((call) => [call.title, call.ok])).toEqual([
      ["ls", true],
      ["pwd", undefined],
    ]);
    expect(log.commands.get("c1")).toMatchObject({ exitCode: 0, output: [{ text: "a.js\n" }] });
  });

  it("shows a program of an agent only within its call", () => {
    const rows = foldEvents(EMPTY_LOG, STORY).rows;
    expect(rows.filter((row) => row.kind === "command").map((row) => row.commandId)).toEqual(["c3"]);
  });

  it("keeps a timeline with ends and verdicts", () => {
    const { timeline, state, workerId, costUsd, progress } = foldEvents(EMPTY_LOG, STORY);
    expect(timeline.map(({ step, passed, agentRun }) => [step, passed, agentRun])).toEqual([
      ["generate", undefined, "a1"],
      ["test", false, null],
    ]);
    expect(timeline.every((step) => step.endedAt !== null)).toBe(true);
    expect({ state, workerId, costUsd, progress }).toEqual({
      state: "completed",
      workerId: null,
      costUsd: 0.01,
      progress: 0.4,
    });
  });

  it("ties a program to the call that names it, and results to calls by title", () => {
    const log = foldEvents(
      EMPTY_LOG,
      logOf(
        {
          type: "agent.started",
          data: { agent_run: "a", role: "fixer", provider: "simulation", model: "s", task: 1 },
        },
        {
          type: "agent.call",
          data: { agent_run: "a", turn: 1, tool: "write", title: "write a.js", command_id: null },
        },
        {
          type: "agent.call",
          data: { agent_run: "a", turn: 1, tool: "run", title: "run node  --test", command_id: null },
        },
        {
          type: "agent.call",
          data: { agent_run: "a", turn: 1, tool: "finish", title: "finish", command_id: null },
        },
        { type: "command.started", data: { command_id: "w", title: "sh" } },
        { type: "command.started", data: { command_id: "r", title: "node --test" } },
        { type: "command.finished", data: { command_id: "r", exit_code: 1, duration_ms: 5, note: null } },
        {
          type: "agent.observed",
          data: { agent_run: "a", turn: 1, tool: "write a.js", ok: true, text: "written" },
        },
        { type: "lease.lost", data: { worker_id: "worker-AAAA", fence: 1, reason: "no heartbeat" } },
      ),
    );
    const calls = log.rows.filter((row): row is CallRow => row.kind === "call");
    expect(
      calls.map(({ title, commandId, ok, endedAt }) => [title, commandId, ok, endedAt !== null]),
    ).toEqual([
      ["write a.js", null, true, true],
      ["run node  --test", "r", undefined, true],
    ]);
    expect(log.rows.some((row) => row.kind === "command")).toBe(false);
    expect(log.commands.get("w")?.droppedAt).not.toBeNull();
  });

  it("counts fixes and does not repeat a step that tells of its progress again", () => {
    const step = (name: "lint" | "test" | "fix", iteration: number) =>
      ({ type: "job.step", data: { step: name, task: 1, progress: 0.2, iteration } }) as const;
    const log = foldEvents(
      EMPTY_LOG,
      logOf(
        step("lint", 1),
        step("test", 0),
        step("test", 1),
        step("fix", 1),
        step("test", 2),
        step("fix", 2),
      ),
    );
    expect(log.timeline.map((entry) => [entry.step, entry.fix])).toEqual([
      ["lint", 0],
      ["test", 0],
      ["fix", 1],
      ["test", 0],
      ["fix", 2],
    ]);
    expect(log.rows.filter((row) => row.kind === "step")).toHaveLength(5);
  });

  it("does not blame a job for what was red before it began", () => {
    const step = (name: "setup" | "test", task: number | null) =>
      ({ type: "job.step", data: { step: name, task, progress: 0.1, iteration: 0 } }) as const;
    const red = (task: number | null) =>
      ({ type: "check.finished", data: { kind: "test", task, passed: false, summary: "1 failed" } }) as const;
    const log = foldEvents(EMPTY_LOG, logOf(step("setup", null), red(null), step("test", 1), red(1)));
    expect(log.timeline.map(({ passed }) => passed)).toEqual([undefined, false]);
    const checks = log.rows.flatMap((row) => (row.kind === "check" ? [row.known] : []));
    expect(checks).toEqual([true, false]);
  });

  it("starts the timeline anew with a new run and keeps the rows", () => {
    const first = foldEvents(EMPTY_LOG, STORY);
    const second = foldEvents(first, [
      {
        seq: 21,
        run: 2,
        at: STORY[0]!.at,
        type: "job.step",
        data: { step: "setup", task: null, progress: 0, iteration: 0 },
      },
    ]);
    expect(second.timeline).toHaveLength(1);
    expect(second.doneTasks.size).toBe(0);
    expect(second.rows).toHaveLength(first.rows.length + 1);
  });

  it("leaves rows that did not change as they are", () => {
    const before = foldEvents(EMPTY_LOG, STORY.slice(0, 12));
    const after = foldEvents(before, STORY.slice(12, 13));
    expect(after.rows[0]).toBe(before.rows[0]);
    expect(after.rows.filter((row, i) => row !== before.rows[i])).toHaveLength(1);
  });
});
