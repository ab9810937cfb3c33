// The providers under test and what stands behind each: aimock, an independent server of both wire protocols.
import { type FixtureFileResponse, type FixtureOpts, LLMock } from "@copilotkit/aimock";
import { createAnthropic } from "@/server/models/anthropic";
import { createOllama } from "@/server/models/ollama";
import type { ModelProvider, ModelRequest } from "@/server/models/port";

export const KEY = "sk-conformance";

export interface Wire {
  provider: ModelProvider;
  /** A provider that differs in what is named. */
  other(change: { key?: string; timeoutMs?: number }): ModelProvider;
  model: string;
  /** Answers the message that contains `words`. */
  answer(words: string, response: FixtureFileResponse, options?: FixtureOpts): void;
  /** Answers what follows a tool's result. */
  answerToResult(response: FixtureFileResponse): void;
  /** Refuses the next call. */
  refuse(status: number, type: string, retryAfterSeconds?: number): void;
  /** Body of the last call, in the server's neutral form. */
  lastBody(): unknown;
  calls(): number;
  stop(): Promise<void>;
}

type Make = (address: string, change: { key?: string; timeoutMs?: number }) => ModelProvider;

const MAKE: Record<"anthropic" | "ollama", { model: string; make: Make }> = {
  anthropic: {
    model: "claude-haiku-4-5",
    make: (address, { key = KEY, timeoutMs = 10_000 }) =>
      createAnthropic({ apiKey: key, baseURL: address, timeoutMs }),
  },
  ollama: {
    model: "qwen2.5-coder:14b",
    make: (address, { timeoutMs = 10_000 }) => createOllama({ host: address, timeoutMs }),
  },
};

/** Starts a server and a provider that talks to it. */
export async function startWire(name: "anthropic" | "ollama"): Promise<Wire> {
  // Ollama has no keys, so only Claude's server asks for one.
  const auth = name === "anthropic" ? { auth: { apiKeys: [KEY] } } : {};
  const server = new LLMock({ port: 0, host: "127.0.0.1", chunkSize: 8, logLevel: "silent", ...auth });
  await server.start();
  const { model, make } = MAKE[name];
  let running = true;
  return {
    provider: make(server.url, {}),
    other: (change) => make(server.url, change),
    model,
    answer: (words, response, options) => void server.onMessage(words, response, options),
    answerToResult: (response) =>
      void server.prependFixture({
        match: { predicate: (request) => request.messages.at(-1)?.role === "tool" },
        response: response as never,
      }),
    refuse: (status, type, retryAfterSeconds) =>
      void server.prependFixture({
        match: { predicate: () => true },
        response: { error: { message: "Not now.", type }, status, retryAfter: retryAfterSeconds },
      }),
    lastBody: () => server.getLastRequest()?.body,
    calls: () => server.getRequests().length,
    async stop() {
      if (!running) return;
      running = false;
      await server.stop();
    },
  };
}

/** A question with everything but what a case cares about. */
export function question(part: Partial<ModelRequest> & { model: string }): ModelRequest {
  return {
    role: "coder",
    system: "You write code.",
    messages: [{ role: "user", text: "hello" }],
    tools: [],
    maxTokens: 1000,
    forceTool: null,
    signal: new AbortController().signal,
    ...part,
  };
}

export const WRITE_TOOL = {
  name: "write",
  description: "Writes a file.",
  input: {
    type: "object",
    properties: { path: { type: "string" }, content: { type: "string" } },
    required: ["path", "content"],
  },
};
