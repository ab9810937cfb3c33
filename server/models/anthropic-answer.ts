// From the events of a streamed message to our answer. Reads strictly: the SDK's own accumulator completes broken tool
// arguments, and a guess must not run in a sandbox. Until `message_stop` there is no answer.
import type Anthropic from "@anthropic-ai/sdk";
import { charCounter } from "./call";
import { type ModelAnswer, ModelError, type ToolCall, type Usage } from "./port";
import { readJson } from "./repair-json";

type Event = Anthropic.RawMessageStreamEvent;
type OpenBlock =
  | { type: "text"; text: string }
  | { type: "tool"; id: string; name: string; json: string }
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "redacted_thinking"; data: string }
  | { type: "other" };

const STOP: Record<string, ModelAnswer["stop"]> = {
  end_turn: "end",
  stop_sequence: "end",
  pause_turn: "end",
  tool_use: "tool",
  max_tokens: "max_tokens",
  model_context_window_exceeded: "max_tokens",
  refusal: "refusal",
};

/** Takes the events of one message in order. */
export class AnswerReader {
  private usage: Usage | null = null;
  private model = "";
  private text = "";
  private stop: string | null = null;
  private complete = false;
  private readonly open = new Map<number, OpenBlock>();
  /** All of them, in order. */
  private readonly blocks: OpenBlock[] = [];
  private readonly tools: Extract<OpenBlock, { type: "tool" }>[] = [];
  private lastBlock: OpenBlock | null = null;
  private readonly count: (text: unknown) => void;

  constructor(
    private readonly maxTokens: number,
    private readonly onText: ((text: string) => void) | undefined,
  ) {
    this.count = charCounter(maxTokens, () => this.chargedSoFar());
  }

  /** @throws ModelError `malformed` when the event cannot follow what came before */
  take(event: Event): void {
    if (event.type === "message_start") {
      this.model = event.message.model;
      this.usage = usageOf(event.message.usage);
    } else if (event.type === "content_block_start") this.start(event);
    else if (event.type === "content_block_delta") this.grow(event);
    else if (event.type === "content_block_stop") this.open.delete(event.index);
    else if (event.type === "message_delta") this.settle(event);
    else if (event.type === "message_stop") this.complete = true;
  }

  /** @throws ModelError `malformed` when the message is not complete */
  answer(): ModelAnswer {
    if (!this.complete || this.open.size > 0 || !this.usage || !this.stop) {
      throw this.malformed("The answer was cut off on its way.");
    }
    const stop = STOP[this.stop] ?? "end";
    // The last call of an answer that ran out of tokens is cut, even where it happens to be valid JSON.
    const cut = stop === "max_tokens" && this.lastBlock?.type === "tool" ? this.lastBlock : null;
    const calls = this.tools.filter((tool) => tool !== cut).map((tool) => this.toCall(tool));
    return {
      text: this.text,
      calls,
      stop: stop === "end" && calls.length > 0 ? "tool" : stop,
      usage: this.usage,
      model: this.model,
      ...(this.blocks.some(isThinking) ? { raw: this.rawOf(calls) } : {}),
    };
  }

  /** The blocks as they came, thinking and its signatures untouched; without a call that was cut. */
  private rawOf(calls: readonly ToolCall[]): unknown[] {
    return this.blocks.flatMap((block): unknown[] => {
      if (block.type === "other" || (block.type === "text" && block.text === "")) return [];
      if (block.type !== "tool") return [block];
      const call = calls.find((one) => one.id === block.id);
      return call ? [{ type: "tool_use", id: call.id, name: call.name, input: call.input }] : [];
    });
  }

  /**
   * What may be charged for an answer that did not come to its end: the prompt, and all the tokens that were allowed,
   * because thinking is paid for without being seen. Null before the first event.
   */
  chargedSoFar(): Usage | null {
    if (!this.usage) return null;
    return this.stop ? this.usage : { ...this.usage, output: this.maxTokens };
  }

  private start(event: Anthropic.RawContentBlockStartEvent): void {
    const block = event.content_block;
    let open: OpenBlock = { type: "other" };
    // A block takes something, too, so that empty ones have an end.
    this.count("text" in block ? `${block.text} ` : " ");
    if (block.type === "text") {
      open = { type: "text", text: block.text };
      this.say(block.text);
    } else if (block.type === "thinking") {
      open = { type: "thinking", thinking: block.thinking, signature: block.signature };
    } else if (block.type === "redacted_thinking") {
      open = { type: "redacted_thinking", data: block.data };
    } else if (block.type === "tool_use") {
      open = { type: "tool", id: block.id, name: block.name, json: "" };
      this.tools.push(open);
    }
    this.open.set(event.index, open);
    this.blocks.push(open);
    this.lastBlock = open;
  }

  private grow(event: Anthropic.RawContentBlockDeltaEvent): void {
    const open = this.open.get(event.index);
    if (!open) throw this.malformed("The answer has a piece that belongs to nothing.");
    for (const piece of Object.values(event.delta)) this.count(piece);
    if (event.delta.type === "text_delta" && open.type === "text") {
      open.text += event.delta.text;
      this.say(event.delta.text);
    } else if (event.delta.type === "thinking_delta" && open.type === "thinking")
      open.thinking += event.delta.thinking;
    else if (event.delta.type === "signature_delta" && open.type === "thinking")
      open.signature += event.delta.signature;
    else if (event.delta.type === "input_json_delta" && open.type === "tool")
      open.json += event.delta.partial_json;
  }

  private say(text: string): void {
    if (text === "") return;
    this.text += text;
    this.onText?.(text);
  }

  private settle(event: Anthropic.RawMessageDeltaEvent): void {
    if (event.delta.stop_reason) this.stop = event.delta.stop_reason;
    if (!this.usage) return;
    const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens } = event.usage;
    this.usage = {
      input: input_tokens ?? this.usage.input,
      output: output_tokens ?? this.usage.output,
      cacheRead: cache_read_input_tokens ?? this.usage.cacheRead,
      cacheWrite: cache_creation_input_tokens ?? this.usage.cacheWrite,
    };
  }

  private toCall({ id, name, json }: Extract<OpenBlock, { type: "tool" }>): ToolCall {
    const read = json === "" ? { value: {} } : readJson(json);
    if ("value" in read) return { id, name, input: read.value };
    // The answer is whole, so this is what the model wrote: it is told, instead of asked the same again.
    return { id, name, input: {}, unreadable: `its arguments are not valid JSON (${read.wrong})` };
  }

  private malformed(message: string): ModelError {
    return new ModelError("malformed", message, null, this.chargedSoFar());
  }
}

const isThinking = ({ type }: OpenBlock) => type === "thinking" || type === "redacted_thinking";

function usageOf(usage: Anthropic.Usage): Usage {
  return {
    input: usage.input_tokens,
    output: usage.output_tokens,
    cacheRead: usage.cache_read_input_tokens ?? 0,
    cacheWrite: usage.cache_creation_input_tokens ?? 0,
  };
}
