// What an answer of the Messages API costs, read while it passes through to somebody else. It changes nothing of it, and
// what it cannot read counts at the dearest.
import type { Usage } from "./port";

/** A line of a stream is at most this long; of a longer one nothing is read. */
const MAX_LINE_CHARS = 1024 * 1024;

interface WireUsage {
  input_tokens?: number | null;
  output_tokens?: number | null;
  cache_read_input_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
}

/** Counts one answer. */
export class AnswerMeter {
  /** The whole answer has passed. */
  complete = false;
  private usage: Usage | null = null;
  /** The provider has said how long the answer became. */
  private ended = false;
  private readonly decoder = new TextDecoder();
  private rest = "";
  private skipping = false;

  /** @param maxTokens what the answer may have at most */
  constructor(private readonly maxTokens: number) {}

  /** A whole answer that was not streamed. */
  takeJson(text: string): void {
    try {
      const { usage } = JSON.parse(text) as { usage?: WireUsage };
      if (usage) this.read(usage);
      this.ended = this.complete = usage !== undefined;
    } catch {
      // Then nobody knows, which is what `charged` says.
    }
  }

  /** Bytes of a stream of events. */
  take(bytes: Uint8Array): void {
    this.rest += this.decoder.decode(bytes, { stream: true });
    const lines = this.rest.split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!this.skipping) this.takeLine(line.trimEnd());
      this.skipping = false;
    }
    if (this.rest.length <= MAX_LINE_CHARS) return;
    this.rest = "";
    this.skipping = true;
  }

  /**
   * What may be charged: what the provider said, and all tokens that were allowed as long as it has not said how many it
   * took. Null when nothing is known.
   */
  charged(): Usage | null {
    if (!this.usage) return null;
    return this.ended ? this.usage : { ...this.usage, output: Math.max(this.usage.output, this.maxTokens) };
  }

  /** Whether that is what the provider said itself. */
  get exact(): boolean {
    return this.ended;
  }

  private takeLine(line: string): void {
    if (!line.startsWith("data:")) return;
    // Most of a stream is text; only three kinds of events say what it costs.
    if (!/"message_(start|delta|stop)"/.test(line)) return;
    try {
      const event = JSON.parse(line.slice(5)) as {
        type?: string;
        message?: { usage?: WireUsage };
        usage?: WireUsage;
        delta?: { stop_reason?: string | null };
      };
      if (event.type === "message_start" && event.message?.usage) this.read(event.message.usage);
      if (event.type === "message_delta" && event.usage) {
        this.read(event.usage);
        if (event.delta?.stop_reason) this.ended = true;
      }
      if (event.type === "message_stop") this.complete = true;
    } catch {
      // A line that is no JSON is the asker's to complain about.
    }
  }

  private read(given: WireUsage): void {
    const before = this.usage ?? { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
    const count = (value: unknown, known: number) =>
      typeof value === "number" && Number.isFinite(value) && value >= 0 ? Math.ceil(value) : known;
    this.usage = {
      input: count(given.input_tokens, before.input),
      output: count(given.output_tokens, before.output),
      cacheRead: count(given.cache_read_input_tokens, before.cacheRead),
      cacheWrite: count(given.cache_creation_input_tokens, before.cacheWrite),
    };
  }
}
