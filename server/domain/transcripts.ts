// What agents were asked and what they answered, as the API and an export give it. Times are ISO 8601 in UTC, money
// dollars. Everything was freed of credentials before it was stored, and is once more when it is read.
import { z } from "zod";
import { jobRef } from "./inputs";

/** Version of the export's lines. It grows with every change that a reader would not understand. */
export const TRANSCRIPT_VERSION = 1;

const whole = (fallback: number, most: number) => z.coerce.number().int().min(1).max(most).default(fallback);
const cursor = (most: number) => z.coerce.number().int().min(0).max(most).default(0);
/** Turns are numbered in 32 bits. */
const MOST_TURNS = 2_147_483_647;

/** `run`: one life of the job; all of them when it is not given. `cursor`: what the page before gave as `next_cursor`. */
export const listAgentRunsInput = jobRef.extend({
  run: z.coerce.number().int().min(1).max(1_000_000).optional(),
  cursor: cursor(Number.MAX_SAFE_INTEGER),
  limit: whole(50, 200),
});

/** `key` of the agent run; `run` is the job's newest when it is not given. */
export const listTurnsInput = jobRef.extend({
  key: z.string().min(1).max(200),
  run: z.coerce.number().int().min(1).max(1_000_000).optional(),
  cursor: cursor(MOST_TURNS),
  limit: whole(20, 100),
});

const tokens = z.object({
  input: z.number(),
  output: z.number(),
  cache_read: z.number(),
  cache_write: z.number(),
});

export const agentRunView = z.object({
  agent_run: z.string(),
  run: z.number(),
  role: z.string(),
  provider: z.string(),
  model: z.string(),
  status: z.enum(["running", "finished", "failed"]),
  turns: z.number(),
  cost_usd: z.number(),
  started_at: z.string(),
  ended_at: z.string().nullable(),
  /** What the agent handed in, by its role; null while it works and when it came to no end. */
  result: z.unknown(),
});
export type AgentRunView = z.infer<typeof agentRunView>;

export const promptView = z.object({
  system: z.string(),
  first: z.string(),
  tools: z.array(z.string()),
  /** The tool that had to be called, or null. */
  force_tool: z.string().nullable(),
  max_turns: z.number(),
});

export const turnView = z.object({
  turn: z.number(),
  provider: z.string(),
  model: z.string(),
  asked_at: z.string(),
  /** Milliseconds that the model took, and until its calls were carried out; null while they are. */
  model_ms: z.number(),
  finished_at: z.string().nullable(),
  /** What people said, which stood in the question of this turn. */
  said: z.array(z.object({ author: z.string(), text: z.string() })),
  text: z.string(),
  /** What the model thought before it answered, where its provider gives it out and it was kept. */
  thinking: z.string().nullable().default(null),
  stop: z.string(),
  calls: z.array(z.object({ id: z.string(), tool: z.string(), input: z.unknown() })),
  results: z.array(z.object({ id: z.string(), ok: z.boolean(), content: z.string() })),
  /** What the factory said to the model after this turn. */
  nudge: z.string().nullable(),
  usage: tokens,
  cost_usd: z.number(),
  /** Commit of the workspace after this turn, when it changed something. */
  commit: z.string().nullable(),
  /** How often its calls were begun again in a new sandbox. */
  attempt: z.number(),
  /** The texts were removed after the time for which transcripts are kept. */
  expired: z.boolean(),
});
export type TurnView = z.infer<typeof turnView>;

export const agentRunPage = z.object({
  agent_runs: z.array(agentRunView),
  next_cursor: z.number().nullable(),
});
export const turnPage = z.object({
  agent_run: agentRunView,
  /** What the model was given at the beginning; null after the time for which transcripts are kept. */
  prompt: promptView.nullable(),
  turns: z.array(turnView),
  next_cursor: z.number().nullable(),
});
export type TurnPage = z.infer<typeof turnPage>;

const line = { v: z.literal(TRANSCRIPT_VERSION) };

/** One line of an export: the job, then each agent run with its turns behind it, then the end. */
export const transcriptLine = z.discriminatedUnion("type", [
  z.object({
    ...line,
    type: z.literal("transcript"),
    job_id: z.string(),
    kind: z.string(),
    title: z.string(),
    status: z.string(),
    exported_at: z.string(),
  }),
  z.object({ ...line, type: z.literal("agent_run"), ...agentRunView.shape, prompt: promptView.nullable() }),
  z.object({ ...line, type: z.literal("turn"), agent_run: z.string(), run: z.number(), ...turnView.shape }),
  z.object({
    ...line,
    type: z.literal("end"),
    agent_runs: z.number(),
    turns: z.number(),
    cost_usd: z.number(),
  }),
]);
export type TranscriptLine = z.infer<typeof transcriptLine>;
