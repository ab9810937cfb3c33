// The model port on a model that knows no tools: the server refuses them as Ollama does, and answers in words only.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createOllama } from "@/server/models/ollama";
import { ModelError, type ModelProvider, type ModelRequest } from "@/server/models/port";
import { question, WRITE_TOOL } from "./providers";

interface Asked {
  messages: { role: string; content: string; tool_calls?: unknown[] }[];
  tools?: unknown[];
  options: { num_ctx: number; num_predict: number };
}

let server: Server;
let provider: ModelProvider;
let asked: Asked[];
let says: { text: string; reason?: string; cut?: boolean };

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Asked;
      asked.push(body);
      if (body.tools) {
        response.writeHead(400, { "content-type": "application/json" });
        response.end('{"error":"registry.ollama.ai/library/gemma3:4b does not support tools"}');
        return;
      }
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      const line = (content: string, more = {}) =>
        response.write(
          `${JSON.stringify({ model: "gemma3:4b", created_at: "x", message: { role: "assistant", content }, done: false, ...more })}\n`,
        );
      for (let at = 0; at < says.text.length; at += 7) line(says.text.slice(at, at + 7));
      if (!says.cut)
        line("", { done: true, done_reason: says.reason ?? "stop", prompt_eval_count: 20, eval_count: 5 });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  provider = createOllama({ host, timeoutMs: 5_000, contextTokens: 9_000 });
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const CODE = "def quote(text):\n    return f'\"{text}\"\\n'\n";
const BLOCK = `\`\`\`tool write\npath=a.py\n@@ content\n${CODE}\`\`\``;
const ask = (part: Partial<ModelRequest> = {}) =>
  provider.ask(question({ model: "gemma3:4b", tools: [WRITE_TOOL], ...part }));

describe("a model that knows no tools", () => {
  it("is told of them in words, and its blocks become calls with code to the letter", async () => {
    says = { text: `I write it.\n\n${BLOCK}` };
    const answer = await ask();
    expect(answer).toMatchObject({ text: "I write it.", stop: "tool", usage: { input: 20, output: 5 } });
    expect(answer.calls).toEqual([{ id: "call_1_0", name: "write", input: { path: "a.py", content: CODE } }]);
    expect(asked).toHaveLength(2);
    expect(asked[1]?.tools).toBeUndefined();
    expect(asked[1]?.messages[0]?.content).toMatch(/^You write code\.[\s\S]*- write: Writes a file\./);
    expect(asked[1]?.options).toEqual({ num_ctx: 9_000, num_predict: 1_000 });
  });

  it("is asked with tools once only", async () => {
    says = { text: "Nothing." };
    await ask();
    await ask();
    expect(asked.map((body) => body.tools !== undefined)).toEqual([true, false, false]);
  });

  it("reads calls and results of before as text", async () => {
    says = { text: "Good." };
    const call = { id: "c1", name: "write", input: { path: "a.py", content: CODE } };
    await ask({
      messages: [
        { role: "user", text: "write it" },
        { role: "assistant", text: "I write it.", calls: [call] },
        { role: "user", text: "", results: [{ callId: "c1", content: "written", isError: false }] },
      ],
    });
    const [, , answer, result] = asked[1]?.messages ?? [];
    expect(answer).toEqual({ role: "assistant", content: `I write it.\n\n${BLOCK}` });
    expect(result).toEqual({ role: "user", content: "```result write\nwritten\n```" });
  });

  it("is asked for a tool that it must call, in words", async () => {
    says = { text: BLOCK };
    await ask({ forceTool: "write" });
    expect(asked[1]?.messages[0]?.content).toContain("one block of the tool write");
  });

  it("may write its call as JSON", async () => {
    says = { text: JSON.stringify({ name: "write", arguments: { path: "a", content: "x" } }) };
    expect((await ask()).calls).toMatchObject([{ name: "write", input: { path: "a", content: "x" } }]);
  });

  it("that reaches its limit makes no half call", async () => {
    says = { text: `${BLOCK}\n${BLOCK.slice(0, -20)}`, reason: "length" };
    const answer = await ask();
    expect(answer.stop).toBe("max_tokens");
    expect(answer.calls).toHaveLength(1);
  });

  it("whose answer is cut on its way gives none", async () => {
    says = { text: BLOCK, cut: true };
    const error = await ask().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ fault: "malformed" });
  });

  it("answers in words without tools as any other", async () => {
    says = { text: "Hello." };
    expect(await ask({ tools: [] })).toMatchObject({ text: "Hello.", calls: [], stop: "end" });
    expect(asked).toHaveLength(1);
  });
});
