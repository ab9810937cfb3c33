import { expect, test } from "vitest";
import type { JobEvent, NewJobEvent } from "@/server/domain/events";
import { modelNotes } from "./model-notes";

function logOf(...events: (NewJobEvent & { run?: number })[]): JobEvent[] {
  const at = "2026-01-01T00:00:00.000Z";
  return events.map((event, i) => ({ run: 1, ...event, seq: i + 1, at })) as JobEvent[];
}
const started = (agent_run: string, run = 1) =>
  ({
    type: "agent.started",
    run,
    data: { agent_run, role: "coder", provider: "simulation", model: "sim-1", task: 1 },
  }) as const;
const away = (more: object, run = 1) =>
  ({
    type: "model.waiting",
    run,
    data: { fault: "overloaded", message: "overloaded", retry_in_ms: 4_000, ...more },
  }) as const;

test("faults and stand-ins lie at the turn that they name", () => {
  const events = logOf(
    started("a"),
    away({ agent_run: "a", turn: 3 }),
    away({ agent_run: "b", turn: 1 }),
    { type: "model.fallback", data: { agent_run: "a", turn: 4, from: "x/1", to: "y/2", reason: "away" } },
    away({ agent_run: "a", turn: 3 }, 2),
  );
  expect(modelNotes(events, { run: 1, agentRun: "a" })).toMatchObject([
    { turn: 3, text: "The model gave no answer (overloaded); asked again after 4.0 s" },
    { turn: 4, text: "y/2 stands in for x/1 from here on: away" },
  ]);
});

test("a fault that names no turn belongs to the next one of whoever is at work", () => {
  const events = logOf(
    started("a"),
    away({}),
    { type: "agent.text", data: { agent_run: "a", turn: 1, text: "I begin." } },
    away({ retry_in_ms: 0 }),
    { type: "agent.finished", data: { agent_run: "a", ok: true, summary: "", turns: 2, cost_usd: 0 } },
    away({}),
    started("b"),
    away({}),
  );
  expect(modelNotes(events, { run: 1, agentRun: "a" }).map(({ turn }) => turn)).toEqual([1, 2]);
  expect(modelNotes(events, { run: 1, agentRun: "a" })[1]?.text).toBe(
    "The model gave no answer (overloaded)",
  );
  expect(modelNotes(events, { run: 1, agentRun: "b" }).map(({ turn }) => turn)).toEqual([1]);
});
