// Local models through an Ollama server. Asks once, streamed; costs nothing, so faults carry no usage to charge.
import { type ChatResponse, Ollama } from "ollama";
import { charCounter, checkedAnswer, retryAfterMs, withDeadline } from "./call";
import { fencedInstructions, readFenced, withoutCalls } from "./fenced-tools";
import { toOllama } from "./ollama-request";
import { OllamaRefusal, ollamaFetch } from "./ollama-transport";
import { type ModelAnswer, ModelError, type ModelProvider, type ModelRequest, type ToolCall } from "./port";
import { readJson } from "./repair-json";
import { splitToolText } from "./tool-text";

const CHECK_MS = 3_000;
/** Ollama's own default of 4,096 drops the beginning of a longer prompt without a word. */
const CONTEXT_TOKENS = 16_384;

export interface OllamaOptions {
  /** Such as "http://127.0.0.1:11434". */
  host: string;
  /** Milliseconds for a whole call, loading of the model included. */
  timeoutMs: number;
  /** Window that prompt and answer share, in tokens. */
  contextTokens?: number;
}

/** The provider `ollama`. Opens nothing before the first call. */
export function createOllama(options: OllamaOptions): ModelProvider {
  /** Models of which the server said that they know no tools. */
  const wordsOnly = new Set<string>();
  const either = async (request: ModelRequest, signal: AbortSignal): Promise<ModelAnswer> => {
    if (wordsOnly.has(request.model)) return askInWords(options, request, signal);
    try {
      return await ask(options, request, signal);
    } catch (error) {
      const knowsNone =
        error instanceof ModelError && error.fault === "invalid" && NO_TOOLS.test(error.message);
      if (!knowsNone || request.tools.length === 0) throw error;
      wordsOnly.add(request.model);
      return askInWords(options, request, signal);
    }
  };
  return {
    name: "ollama",
    ask: (request) => withDeadline(request.signal, options.timeoutMs, (signal) => either(request, signal)),
    check: () => check(options.host),
  };
}

const NO_TOOLS = /cannot call tools/;

/** Tools are described in words, and calls are read out of the answer. */
async function askInWords(
  options: OllamaOptions,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<ModelAnswer> {
  const { tools, forceTool } = request;
  const wish =
    forceTool === null ? "" : `\nAnswer with one block of the tool ${forceTool}, and with nothing else.`;
  const asked = {
    ...request,
    system: `${request.system}\n\n${fencedInstructions(tools)}${wish}`,
    messages: withoutCalls(request.messages),
    tools: [],
    forceTool: null,
  };
  const answer = await ask(options, asked, signal);
  const complete = answer.stop !== "max_tokens";
  const fenced = readFenced(answer.text, tools, complete);
  const found =
    fenced.calls.length > 0 || !complete
      ? fenced
      : splitToolText(
          answer.text,
          tools.map((tool) => tool.name),
        );
  const calls = found.calls.map((call, index) => ({ id: callId(request, index), ...call }));
  const stop = answer.stop === "end" && calls.length > 0 ? "tool" : answer.stop;
  return { ...answer, text: found.text, calls, stop };
}

/** Unique within the conversation: each answer makes it longer, though old ones may no longer be shown. */
const callId = ({ about, messages }: ModelRequest, index: number) =>
  `call_${about ? `t${about.turn}` : messages.length}_${index}`;

async function ask(options: OllamaOptions, request: ModelRequest, signal: AbortSignal): Promise<ModelAnswer> {
  const client = new Ollama({ host: options.host, fetch: ollamaFetch(signal) });
  let begun = false;
  try {
    const stream = await client.chat(toOllama(request, options.contextTokens ?? CONTEXT_TOKENS));
    begun = true;
    let text = "";
    const made: ChatResponse["message"]["tool_calls"] = [];
    let last: ChatResponse | null = null;
    const count = charCounter(request.maxTokens, () => null);
    for await (const piece of stream) {
      const { content, tool_calls } = piece.message;
      count(content);
      for (const call of tool_calls ?? []) count(JSON.stringify(call));
      if (content) {
        text += content;
        request.onText?.(content);
      }
      if (tool_calls) made.push(...tool_calls);
      last = piece;
    }
    if (!last?.done) throw new ModelError("malformed", "Ollama's answer was cut off on its way.");
    return checkedAnswer(toAnswer(request, text, made, last));
  } catch (error) {
    throw toModelError(error, begun, options.host, request.model);
  }
}

function toAnswer(
  request: ModelRequest,
  text: string,
  made: NonNullable<ChatResponse["message"]["tool_calls"]>,
  last: ChatResponse,
): ModelAnswer {
  const split = splitToolText(text, made.length > 0 ? [] : request.tools.map((tool) => tool.name));
  const parts = [
    ...made.map((call) => ({ name: call.function.name, ...readInput(call.function) })),
    ...split.calls,
  ];
  const calls = parts.map((part, index): ToolCall => ({ id: callId(request, index), ...part }));
  const stop = last.done_reason === "length" ? "max_tokens" : calls.length > 0 ? "tool" : "end";
  return {
    text: split.text,
    calls,
    stop,
    usage: { input: last.prompt_eval_count ?? 0, output: last.eval_count ?? 0, cacheRead: 0, cacheWrite: 0 },
    model: last.model,
  };
}

/** Servers in front of Ollama send arguments as a text of JSON. */
function readInput(call: { arguments: unknown }): Pick<ToolCall, "input" | "unreadable"> {
  if (typeof call.arguments !== "string") return { input: call.arguments };
  const read = readJson(call.arguments);
  if ("value" in read) return { input: read.value };
  return { input: {}, unreadable: `its arguments are not valid JSON (${read.wrong})` };
}

function toModelError(error: unknown, begun: boolean, host: string, model: string): ModelError {
  if (error instanceof ModelError) return error;
  if (error instanceof OllamaRefusal) return refusal(error, model);
  const said = error instanceof Error ? error.message : "no reason was given";
  if (begun) return new ModelError("malformed", `Ollama's answer was cut off or unreadable: ${said}`);
  return new ModelError("network", `Ollama does not answer at ${host}. Is it running (\`ollama serve\`)?`);
}

function refusal(error: OllamaRefusal, model: string): ModelError {
  const { status, message } = error;
  const wait = retryAfterMs(error.headers);
  if (status === 404) {
    return new ModelError(
      "invalid",
      `Ollama does not have the model ${model}. Get it with: ollama pull ${model}`,
    );
  }
  if (status === 401 || status === 403)
    return new ModelError("invalid", `Ollama refused the call: ${message}`);
  if (status === 429) return new ModelError("quota", `Ollama's limit is reached: ${message}`, wait);
  if (status === 408 || status === 504)
    return new ModelError("timeout", `Ollama took too long: ${message}`, wait);
  if (status >= 500) return new ModelError("overloaded", `Ollama could not answer: ${message}`, wait);
  if (/does not support tools/.test(message)) {
    return new ModelError(
      "invalid",
      `The model ${model} cannot call tools. Choose another, such as qwen2.5-coder:14b.`,
    );
  }
  return new ModelError("invalid", `Ollama refused the request: ${message}`);
}

/** Lists the models that are there: loads none. */
async function check(host: string): Promise<{ ok: boolean; detail: string }> {
  try {
    const client = new Ollama({ host, fetch: ollamaFetch(AbortSignal.timeout(CHECK_MS)) });
    const { models } = await client.list();
    if (models.length === 0)
      return { ok: false, detail: "Ollama runs but has no model. Get one with: ollama pull NAME" };
    return { ok: true, detail: `Ollama answers and has ${models.map((model) => model.name).join(", ")}.` };
  } catch (error) {
    return { ok: false, detail: toModelError(error, false, host, "").message };
  }
}
