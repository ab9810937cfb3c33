// Transcripts as jobs leave them: long ones, ones with everything that a turn may hold, and ones whose time is over.
import type { NewJobEvent } from "@/server/domain/events";
import { MARKUP, type Story } from "./stories";

export interface SeededTurn {
  text: string;
  thinking?: string;
  calls?: { id: string; name: string; input: unknown }[];
  results?: { callId: string; content: string; isError: boolean }[];
  nudge?: string;
  said?: string;
  expired?: boolean;
}

export interface SeededAgentRun {
  key: string;
  role: string;
  state: "running" | "finished" | "failed";
  result?: object;
  /** Null: removed after its time. */
  prompt: { system: string; first: string } | null;
  turns: SeededTurn[];
}

export const LONG_RUN = "task-1/coder";
export const LONG_TURNS = 65;

const looks = (n: number): SeededTurn => ({
  text: `I look at part ${n}.`,
  calls: [{ id: "c1", name: "read", input: { path: `src/part-${n}.js` } }],
  results: [{ callId: "c1", content: `1  export const part = ${n};\n`, isError: false }],
});

const RICH: SeededTurn = {
  text: `I write the cart. ${MARKUP}`,
  thinking: "A map from product to amount is enough.",
  said: "Keep the cart per visitor.",
  calls: [
    { id: "c1", name: "write", input: { path: "src/cart.js", content: "export const cart = new Map();\n" } },
    { id: "c2", name: "run", input: { command: "node --check src/cart.js\nls src" } },
  ],
  results: [
    { callId: "c1", content: "1 line written", isError: false },
    { callId: "c2", content: "exit 1\nSyntaxError: Unexpected token", isError: true },
  ],
  nudge: "You did the same four times.",
};

/** A completed job: a planner, a coder with many turns, a reviewer that asks for changes. */
export function transcriptStory(): Story & { agentRuns: SeededAgentRun[] } {
  const title = "Shop whose agents can be read";
  const started = (agent_run: string, role: "planner" | "coder", task: number | null): NewJobEvent => ({
    type: "agent.started",
    data: { agent_run, role, provider: "simulation", model: "sim-1", task },
  });
  const prompt = { system: "You build software in small steps.", first: '<job>{"title":"Shop"}</job>' };
  return {
    title,
    state: "completed",
    progress: 1,
    events: [
      { type: "job.created", data: { title, kind: "build" } },
      { type: "job.step", data: { step: "plan", task: null, progress: 0.05, iteration: 0 } },
      started("plan", "planner", null),
      { type: "job.step", data: { step: "generate", task: 1, progress: 0.1, iteration: 1 } },
      started(LONG_RUN, "coder", 1),
      {
        type: "model.waiting",
        data: {
          agent_run: LONG_RUN,
          turn: 2,
          fault: "overloaded",
          message: "overloaded",
          retry_in_ms: 4_000,
        },
      },
      {
        type: "agent.call",
        data: { agent_run: LONG_RUN, turn: 1, tool: "write", title: "src/cart.js", command_id: null },
      },
      {
        type: "agent.observed",
        data: { agent_run: LONG_RUN, turn: 1, tool: "write", ok: true, text: "1 line written" },
      },
      {
        type: "job.moved",
        data: { from: "approved", to: "completed", move: "delivered", actor: "factory", reason: null },
      },
    ],
    agentRuns: [
      {
        key: "plan",
        role: "planner",
        state: "finished",
        result: { spec: "# Shop\n\n- [ ] Cart\n- [ ] Checkout\n" },
        prompt,
        turns: [{ text: "Two tasks." }],
      },
      {
        key: LONG_RUN,
        role: "coder",
        state: "finished",
        result: { summary: "A cart that remembers." },
        prompt,
        turns: [RICH, ...Array.from({ length: LONG_TURNS - 1 }, (_, i) => looks(i + 2))],
      },
      {
        key: "review/reviewer",
        role: "reviewer",
        state: "finished",
        result: { verdict: "request_changes", summary: "Prices may be negative.", findings: [{}] },
        prompt,
        turns: [{ text: "One finding." }],
      },
    ],
  };
}

/** The same after the time for which transcripts are kept. */
export function expiredStory(): Story & { agentRuns: SeededAgentRun[] } {
  const story = transcriptStory();
  const [planner] = story.agentRuns as [SeededAgentRun];
  return {
    ...story,
    title: "Shop whose transcript is over",
    agentRuns: [{ ...planner, prompt: null, turns: [{ text: "", expired: true }] }],
  };
}
