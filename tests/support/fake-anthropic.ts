// The Messages API at the network's edge, for what passes through the app: answers are short, usage is exact, and faults
// can be ordered. Speaks the real protocol, streamed and not.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A question as it came in. */
export interface Asked {
  path: string;
  headers: IncomingMessage["headers"];
  body: Record<string, unknown>;
}

export interface FakeUsage {
  input_tokens: number;
  output_tokens: number;
  cache_read_input_tokens?: number;
  cache_creation_input_tokens?: number;
}

/** What an answer is made of. */
export type Block =
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; input: Record<string, unknown> };

/** What is done instead of answering, once per entry. */
export type Fault =
  | { status: number; body: unknown; headers?: Record<string, string> }
  /** The stream ends after so many events. */
  | { cutAfter: number }
  /** The stream stays open after so many events, until the asker is gone. */
  | { holdAfter: number };

export class FakeAnthropic {
  readonly asked: Asked[] = [];
  readonly faults: Fault[] = [];
  /** What is answered to a question. */
  answerTo: (body: Record<string, unknown>) => Block[] = () => [{ type: "text", text: "All right." }];
  usage: FakeUsage = { input_tokens: 1_000, output_tokens: 200 };
  /** Streams whose asker left before the end. */
  left = 0;
  url = "";
  private readonly server = createServer((request, response) => void this.answer(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = parts.length === 0 ? {} : JSON.parse(Buffer.concat(parts).toString("utf8"));
    const path = request.url ?? "";
    this.asked.push({ path, headers: request.headers, body });
    const json = (status: number, value: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(value));
    };
    const fault = this.faults.shift();
    if (fault && "status" in fault) return json(fault.status, fault.body, fault.headers);
    if (path.startsWith("/v1/messages/count_tokens")) return json(200, { input_tokens: 42 });
    if (!path.startsWith("/v1/messages"))
      return json(404, { type: "error", error: { type: "not_found_error" } });
    const content = this.answerTo(body);
    if (body.stream !== true) return json(200, this.message(body, content));
    response.writeHead(200, { "content-type": "text/event-stream", "request-id": "req_fake" });
    const events = this.events(body, content);
    const until = fault ? ("cutAfter" in fault ? fault.cutAfter : fault.holdAfter) : events.length;
    for (const event of events.slice(0, until)) {
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    }
    if (fault && "holdAfter" in fault) {
      response.on("close", () => {
        this.left += 1;
      });
    } else if (fault) response.write(": cut off here\n\n", () => setTimeout(() => response.destroy(), 20));
    else response.end();
  }

  private message(body: Record<string, unknown>, content: readonly Block[]) {
    return {
      id: "msg_fake",
      type: "message",
      role: "assistant",
      model: body.model,
      content,
      stop_reason: content.some(({ type }) => type === "tool_use") ? "tool_use" : "end_turn",
      stop_sequence: null,
      // No answer is longer than was allowed.
      usage: { ...this.usage, output_tokens: Math.min(this.usage.output_tokens, Number(body.max_tokens)) },
    };
  }

  private events(body: Record<string, unknown>, content: readonly Block[]): { type: string }[] {
    const { usage, stop_reason, ...message } = this.message(body, content);
    const begun = { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } };
    return [
      { type: "message_start", message: begun },
      ...content.flatMap(eventsOfBlock),
      {
        type: "message_delta",
        delta: { stop_reason, stop_sequence: null },
        usage: { output_tokens: usage.output_tokens },
      },
      { type: "message_stop" },
    ] as { type: string }[];
  }
}

function eventsOfBlock(block: Block, index: number) {
  const delta = (change: object) => ({ type: "content_block_delta", index, delta: change });
  const [empty, changes] =
    block.type === "text"
      ? [
          { ...block, text: "" },
          block.text.split(/(?<= )/).map((text) => delta({ type: "text_delta", text })),
        ]
      : [
          { ...block, input: {} },
          [delta({ type: "input_json_delta", partial_json: JSON.stringify(block.input) })],
        ];
  return [
    { type: "content_block_start", index, content_block: empty },
    ...changes,
    { type: "content_block_stop", index },
  ];
}
