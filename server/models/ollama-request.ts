// From our question to Ollama's chat endpoint.
import type { ChatRequest, Message as OllamaMessage } from "ollama";
import { forcingSentence } from "./call";
import type { Message, ModelRequest } from "./port";

type Params = ChatRequest & { stream: true };

/** Builds one streamed chat request; `contextTokens` is the window that prompt and answer share. */
export function toOllama(request: ModelRequest, contextTokens: number): Params {
  const messages: OllamaMessage[] =
    request.system === "" ? [] : [{ role: "system", content: request.system }];
  const names = new Map<string, string>();
  for (const message of request.messages) messages.push(...toMessages(message, names));
  // Ollama cannot force a tool, so the wish is said where the model reads last.
  if (request.forceTool !== null)
    messages.push({ role: "user", content: forcingSentence(request.forceTool) });
  return {
    model: request.model,
    messages,
    stream: true,
    options: { num_predict: request.maxTokens, num_ctx: contextTokens },
    ...(request.tools.length === 0 ? {} : { tools: request.tools.map(toTool) }),
  };
}

function toTool(tool: ModelRequest["tools"][number]): NonNullable<ChatRequest["tools"]>[number] {
  return {
    type: "function",
    function: {
      name: tool.name,
      description: tool.description,
      parameters: { ...tool.input, type: "object" },
    },
  };
}

/** `names` remembers which tool each call was of, because Ollama knows results by tool and not by call. */
function toMessages(message: Message, names: Map<string, string>): OllamaMessage[] {
  if (message.role === "assistant") {
    for (const call of message.calls) names.set(call.id, call.name);
    const calls = message.calls.map((call) => ({
      function: { name: call.name, arguments: asRecord(call.input) },
    }));
    return [{ role: "assistant", content: message.text, ...(calls.length > 0 ? { tool_calls: calls } : {}) }];
  }
  const results = (message.results ?? []).map(
    (result): OllamaMessage => ({
      role: "tool",
      content: result.isError ? `Error: ${result.content}` : result.content,
      tool_name: names.get(result.callId) ?? "unknown",
    }),
  );
  return message.text === "" ? results : [...results, { role: "user", content: message.text }];
}

function asRecord(input: unknown): Record<string, unknown> {
  return typeof input === "object" && input !== null && !Array.isArray(input)
    ? { ...input }
    : { value: input };
}
