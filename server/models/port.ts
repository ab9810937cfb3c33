// The model port: one question, one answer, in terms that every provider can speak.
// Adapters: anthropic.ts, ollama.ts, simulation/. They know nothing of jobs, budgets or databases.
import type { Role } from "../domain/roles";

/** A tool that a model may call. `input` is a JSON Schema of an object. */
export interface ToolDefinition {
  name: string;
  description: string;
  input: Record<string, unknown>;
}

export interface ToolCall {
  id: string;
  name: string;
  /** Parsed arguments; not yet checked against the tool's schema. */
  input: unknown;
  /** Why the arguments could not be read, in words; then `input` is empty and the call is not made. */
  unreadable?: string;
}

export interface ToolResult {
  callId: string;
  content: string;
  isError: boolean;
}

export type Message =
  /** `lasting`: what is up to here stays the same for the next questions; a provider may cache it. */
  | { role: "user"; text: string; results?: ToolResult[]; lasting?: boolean }
  | { role: "assistant"; text: string; calls: ToolCall[]; raw?: unknown[] };

export interface ModelRequest {
  model: string;
  /** Role on whose behalf the question is asked; a provider may use it for nothing but logs and simulation. */
  role: Role;
  /** Which question of which agent run it is; read by recordings only. */
  about?: { agentRun: string; turn: number };
  system: string;
  messages: Message[];
  tools: ToolDefinition[];
  /** Upper limit of tokens in the answer. */
  maxTokens: number;
  /** Name of a tool that must be called, or null when the model is free. */
  forceTool: string | null;
  signal: AbortSignal;
  /** Called with pieces of text while they stream in. */
  onText?: (text: string) => void;
}

/** Tokens of one call. `input` counts only what was neither read from nor written to a cache. */
export interface Usage {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
}

export interface ModelAnswer {
  text: string;
  calls: ToolCall[];
  stop: "end" | "tool" | "max_tokens" | "refusal";
  usage: Usage;
  /** Model that answered, as the provider names it. */
  model: string;
  /** The answer in the provider's own words, where it must be sent back unchanged; only its adapter reads it. */
  raw?: unknown[];
}

/**
 * Why a call gave no answer.
 * `quota`: pause until `retryAfterMs`. `overloaded`, `timeout`, `network`: try again with backoff.
 * `invalid`: the request or the key is wrong, trying again is useless. `malformed`: the answer could not be read or was cut off.
 */
export type ModelFault = "quota" | "overloaded" | "timeout" | "network" | "invalid" | "malformed";

export class ModelError extends Error {
  constructor(
    readonly fault: ModelFault,
    message: string,
    readonly retryAfterMs: number | null = null,
    /** What the provider may have charged nevertheless; null when nothing is known. */
    readonly usage: Usage | null = null,
  ) {
    super(message);
    this.name = "ModelError";
  }
}

export type ProviderName = "anthropic" | "ollama" | "simulation";

export interface ModelProvider {
  readonly name: ProviderName;
  /**
   * Asks once; no retries inside. Never returns a partial answer: a cut stream is a `malformed` fault.
   * @throws ModelError
   */
  ask(request: ModelRequest): Promise<ModelAnswer>;
  /** Whether the provider can be used now, and why not. Costs nothing. */
  check(): Promise<{ ok: boolean; detail: string }>;
}
