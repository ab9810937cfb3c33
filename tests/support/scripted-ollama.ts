// An Ollama server that says what a test tells it to, over the chat endpoint's real stream of lines.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface OllamaSaid {
  text?: string;
  calls?: { name: string; input: unknown }[];
  /** Answered instead: an HTTP status. */
  status?: number;
}

export class ScriptedOllama {
  /** What is said next, in order; when nothing is left the last one is said again. */
  script: OllamaSaid[] = [];
  /** Bodies of the questions so far. */
  readonly asked: { model: string; messages: { role: string; content: string }[] }[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<ScriptedOllama> {
    const server = createServer();
    const ollama = new ScriptedOllama(server);
    server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        ollama.asked.push(JSON.parse(Buffer.concat(chunks).toString("utf8")));
        const said = (ollama.script.length > 1 ? ollama.script.shift() : ollama.script[0]) ?? {
          text: "nothing",
        };
        answer(response, said);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return ollama;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function answer(response: ServerResponse, { text = "", calls = [], status }: OllamaSaid): void {
  if (status) {
    response.writeHead(status, { "content-type": "application/json" }).end('{"error":"not now"}');
    return;
  }
  const tool_calls = calls.map(({ name, input }) => ({ function: { name, arguments: input } }));
  const message = { role: "assistant", content: text, ...(calls.length > 0 && { tool_calls }) };
  const piece = { model: "qwen", created_at: "2026-01-01T00:00:00Z" };
  const end = { done: true, done_reason: "stop", prompt_eval_count: 900, eval_count: 40 };
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  response.write(`${JSON.stringify({ ...piece, message, done: false })}\n`);
  response.end(`${JSON.stringify({ ...piece, message: { role: "assistant", content: "" }, ...end })}\n`);
}
