// A model endpoint that says what a test tells it to, over the Messages API's real stream of events.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Said {
  text?: string;
  /** Thought before it is said, and signed. */
  thinking?: string;
  /** `raw`: the arguments as they come over the line, which need not be JSON. */
  calls?: { name: string; input?: unknown; raw?: string }[];
  stop?: "end_turn" | "tool_use" | "max_tokens" | "refusal";
  output?: number;
  /** Answered instead: an HTTP status. */
  status?: number;
  /** When it may be asked again after such an answer, in seconds. */
  retryAfter?: number;
  /** The line is cut before the answer is complete. */
  cut?: boolean;
  /** The line is cut before anything is answered. */
  silent?: boolean;
}

interface Block {
  start: object;
  delta?: object;
  seal?: object;
}

export class ScriptedModel {
  /** What is said next, in order, or worked out when it is asked for; the last one is said again and again. */
  script: (Said | (() => Promise<Said>))[] = [];
  /** Bodies of the questions so far. */
  readonly asked: { messages: unknown[]; max_tokens: number }[] = [];
  private ids = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<ScriptedModel> {
    const server = createServer();
    const model = new ScriptedModel(server);
    server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        model.asked.push(JSON.parse(Buffer.concat(chunks).toString("utf8")));
        const next = (model.script.length > 1 ? model.script.shift() : model.script[0]) ?? {
          text: "nothing",
        };
        if (typeof next !== "function") model.answer(response, next);
        // A script that fails is a failed question, which the test sees.
        else
          next().then(
            (said) => model.answer(response, said),
            () => model.answer(response, { status: 400 }),
          );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return model;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(response: ServerResponse, said: Said): void {
    if (said.silent) {
      response.destroy();
      return;
    }
    if (said.status) {
      response.writeHead(said.status, {
        "content-type": "application/json",
        "retry-after": `${said.retryAfter ?? 1}`,
      });
      const error = { type: said.status === 429 ? "rate_limit_error" : "api_error", message: "not now" };
      response.end(JSON.stringify({ type: "error", error }));
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const events = this.eventsOf(said);
    for (const event of said.cut ? events.slice(0, -2) : events)
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    if (said.cut) response.write(": \n\n", () => setTimeout(() => response.destroy(), 20));
    else response.end();
  }

  private eventsOf({
    text,
    thinking,
    calls = [],
    stop,
    output = 100,
  }: Said): ({ type: string } & Record<string, unknown>)[] {
    const blocks = [
      ...(thinking === undefined
        ? []
        : [
            {
              start: { type: "thinking", thinking: "", signature: "" },
              delta: { type: "thinking_delta", thinking },
              seal: { type: "signature_delta", signature: `signed:${thinking}` },
            },
            { start: { type: "redacted_thinking", data: "c2VjcmV0" } },
          ]),
      ...(text === undefined
        ? []
        : [{ start: { type: "text", text: "" }, delta: { type: "text_delta", text } }]),
      ...calls.map(({ name, input, raw }) => ({
        start: { type: "tool_use", id: `call_${++this.ids}`, name, input: {} },
        delta: { type: "input_json_delta", partial_json: raw ?? JSON.stringify(input) },
      })),
    ];
    const usage = {
      input_tokens: 1_000,
      output_tokens: 1,
      cache_read_input_tokens: 0,
      cache_creation_input_tokens: 0,
    };
    const message = {
      id: "msg",
      type: "message",
      role: "assistant",
      model: "claude-sonnet-5-5",
      content: [],
      usage,
    };
    return [
      { type: "message_start", message: { ...message, stop_reason: null, stop_sequence: null } },
      ...blocks.flatMap(({ start, delta, seal }: Block, index) => [
        { type: "content_block_start", index, content_block: start },
        ...[delta, seal].filter(Boolean).map((one) => ({ type: "content_block_delta", index, delta: one })),
        { type: "content_block_stop", index },
      ]),
      {
        type: "message_delta",
        delta: { stop_reason: stop ?? (calls.length > 0 ? "tool_use" : "end_turn"), stop_sequence: null },
        usage: { output_tokens: output },
      },
      { type: "message_stop" },
    ];
  }
}
