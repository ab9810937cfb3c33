// From our question to the Messages API. Marks what does not change from turn to turn for the prompt cache:
// tools (or, in a long conversation, what lasts of it), system text, and the last two messages of the user, so that
// each turn reads what the one before wrote. The API takes four marks.
import type Anthropic from "@anthropic-ai/sdk";
import { forcingSentence } from "./call";
import type { Message, ModelRequest } from "./port";

type Params = Anthropic.MessageCreateParamsStreaming;
type Block = Anthropic.ContentBlockParam;

const CACHE = { type: "ephemeral" } as const;

/**
 * Whether the model thinks without being asked to, and so answers a forced tool with an error. All since Opus 5.5 and Fable 5.1 do, and newer ones are
 * expected to. Source: platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5
 */
export function thinksByItself(model: string): boolean {
  const version = /claude-[a-z]+-(\d+)(?:-(\d{1,2}))?(?!\d)/.exec(model);
  if (!version) return false;
  const [major, minor] = [Number(version[1]), Number(version[2] ?? 0)];
  return major > 5 || (major === 5 && minor >= 1);
}

/** Builds the parameters of one streamed call. */
export function toAnthropic(request: ModelRequest): Params {
  const instruct = request.forceTool !== null && thinksByItself(request.model) ? request.forceTool : null;
  const last = request.messages.findLastIndex((message) => message.role === "assistant");
  const messages = request.messages.map((message, index) => toMessage(message, index === last));
  const lasting = request.messages.findLastIndex((one) => one.role === "user" && one.lasting === true);
  markForCache(messages, messages[lasting]);
  // Behind the mark, because the sentence is gone in the next turn.
  if (instruct) messages.push({ role: "user", content: [{ type: "text", text: forcingSentence(instruct) }] });
  const params: Params = {
    model: request.model,
    max_tokens: request.maxTokens,
    stream: true,
    messages,
    ...(request.system === ""
      ? {}
      : { system: [{ type: "text", text: request.system, cache_control: CACHE }] }),
  };
  if (request.tools.length === 0) return params;
  params.tools = request.tools.map((tool, index) => ({
    name: tool.name,
    description: tool.description,
    // Every tool of ours takes an object; the port says so where the API's type does.
    input_schema: { ...tool.input, type: "object" },
    // The mark of the system text covers the tools, too, which come first.
    ...(lasting < 0 && index === request.tools.length - 1 ? { cache_control: CACHE } : {}),
  }));
  if (request.forceTool !== null && !instruct) params.tool_choice = { type: "tool", name: request.forceTool };
  return params;
}

// The thinking before the calls whose results follow is sent back as it came, as the API demands while tools are used.
// That of earlier turns is not: it is accepted without, and blocks that are tied to the conversation would make every
// shortened history an error.
function toMessage(message: Message, last: boolean): { role: "user" | "assistant"; content: Block[] } {
  const text: Block[] = message.text.trim() === "" ? [] : [{ type: "text", text: message.text }];
  if (message.role === "assistant") {
    // It was read from this very provider, and nothing in it was changed.
    if (last && message.raw) return { role: "assistant", content: message.raw as Block[] };
    const calls = message.calls.map(
      (call): Block => ({ type: "tool_use", id: call.id, name: call.name, input: call.input ?? {} }),
    );
    return { role: "assistant", content: orPlaceholder([...text, ...calls]) };
  }
  const results = (message.results ?? []).map(
    (result): Block => ({
      type: "tool_result",
      tool_use_id: result.callId,
      content: result.content,
      is_error: result.isError,
    }),
  );
  // Results come first: the API refuses them after other content.
  return { role: "user", content: orPlaceholder([...results, ...text]) };
}

/** The API refuses a message without content. */
function orPlaceholder(blocks: Block[]): Block[] {
  return blocks.length > 0 ? blocks : [{ type: "text", text: "(nothing)" }];
}

interface Sent {
  role: string;
  content: Block[];
}

function markForCache(messages: Sent[], lasting: Sent | undefined): void {
  const ofUser = messages.filter((message) => message.role === "user").slice(-2);
  for (const { content } of new Set([...(lasting ? [lasting] : []), ...ofUser])) {
    const last = content.at(-1);
    if (last?.type === "text" || last?.type === "tool_result") last.cache_control = CACHE;
  }
}
