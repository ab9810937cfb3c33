// What no well-behaved server sends: streams written by hand, byte for byte, against both providers over a network.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAnthropic } from "@/server/models/anthropic";
import { toAnthropic } from "@/server/models/anthropic-request";
import { createOllama } from "@/server/models/ollama";
import { type ModelAnswer, ModelError, type ModelRequest } from "@/server/models/port";
import { question, WRITE_TOOL } from "./providers";

let server: Server;
let address: string;
let reply: (response: ServerResponse) => void;

beforeEach(async () => {
  server = createServer((request, response) => {
    request.resume();
    request.on("end", () => reply(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

type Outcome = ModelAnswer | ModelError;
const settle = (promise: Promise<ModelAnswer>): Promise<Outcome> =>
  promise.catch((error: unknown) => {
    if (error instanceof ModelError) return error;
    throw error;
  });

const refuseWith = (status: number, body: string, headers: Record<string, string> = {}) => {
  reply = (response) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
};

describe("anthropic", () => {
  const ask = (part: Partial<ModelRequest> = {}) =>
    settle(
      createAnthropic({ apiKey: "sk-test", baseURL: address, timeoutMs: 5000 }).ask(
        question({ model: "claude-haiku-4-5", tools: [WRITE_TOOL], ...part }),
      ),
    );

  const START = {
    type: "message_start",
    message: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      content: [],
      model: "claude-haiku-4-5-20251001",
      stop_reason: null,
      stop_sequence: null,
      usage: {
        input_tokens: 10,
        cache_read_input_tokens: 200,
        cache_creation_input_tokens: 30,
        output_tokens: 1,
      },
    },
  };
  const tool = (index: number, name: string, ...json: string[]) => [
    {
      type: "content_block_start",
      index,
      content_block: { type: "tool_use", id: `toolu_${index}`, name, input: {} },
    },
    ...json.map((partial_json) => ({
      type: "content_block_delta",
      index,
      delta: { type: "input_json_delta", partial_json },
    })),
    { type: "content_block_stop", index },
  ];
  const end = (stop_reason: string, output_tokens = 40) => [
    { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens } },
    { type: "message_stop" },
  ];
  const stream = (events: { type: string }[], after = "") => {
    reply = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      response.end(after);
    };
  };

  it("counts what was read from and written to the cache", async () => {
    stream([START, ...tool(0, "write", '{"path"', ':"a"}'), ...end("tool_use")]);
    expect(await ask()).toEqual({
      text: "",
      calls: [{ id: "toolu_0", name: "write", input: { path: "a" } }],
      stop: "tool",
      usage: { input: 10, output: 40, cacheRead: 200, cacheWrite: 30 },
      model: "claude-haiku-4-5-20251001",
    });
  });

  it("does not complete broken arguments: the call says what is wrong with them", async () => {
    stream([START, ...tool(0, "write", '{"path": "a", "content": "x'), ...end("tool_use")]);
    expect(await ask()).toMatchObject({
      calls: [{ name: "write", input: {}, unreadable: expect.stringMatching(/not valid JSON/) }],
      usage: { input: 10, output: 40, cacheRead: 200 },
    });
  });

  it("drops the call in which the tokens ran out, even when it reads well", async () => {
    stream([
      START,
      ...tool(0, "write", '{"path":"a"}'),
      ...tool(1, "write", '{"path":"b"}'),
      ...end("max_tokens"),
    ]);
    const answer = await ask();
    expect(answer).toMatchObject({ stop: "max_tokens", calls: [{ id: "toolu_0" }] });
  });

  it("tells a refusal and thinking apart from text", async () => {
    const thinking = [
      {
        type: "content_block_start",
        index: 0,
        content_block: { type: "thinking", thinking: "", signature: "" },
      },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hidden" } },
      { type: "content_block_stop", index: 0 },
    ];
    stream([START, ...thinking, ...end("refusal")]);
    expect(await ask()).toMatchObject({ text: "", calls: [], stop: "refusal" });
  });

  it.each([
    ["without its end", () => stream([START, ...tool(0, "write", "{}")])],
    ["with an open block", () => stream([START, ...tool(0, "write", "{}").slice(0, 1), ...end("tool_use")])],
    ["that is empty", () => stream([])],
    ["that turns into garbage", () => stream([START], "event: content_block_start\ndata: {not json\n\n")],
    ["that begins in the middle", () => stream([...tool(0, "write", "{}").slice(1), ...end("tool_use")])],
  ])("calls a stream %s malformed", async (_what, send) => {
    send();
    expect(await ask()).toMatchObject({ fault: "malformed" });
  });

  it("hears that the server is overloaded in the middle of an answer", async () => {
    const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
    stream([START, error]);
    // All that was allowed, because nobody knows how much was thought.
    expect(await ask({ maxTokens: 700 })).toMatchObject({
      fault: "overloaded",
      usage: { input: 10, output: 700 },
    });
  });

  it("takes a spent balance for a quota, not for a wrong request", async () => {
    const message = "Your credit balance is too low to access the Anthropic API.";
    refuseWith(400, JSON.stringify({ type: "error", error: { type: "invalid_request_error", message } }));
    expect(await ask()).toMatchObject({ fault: "quota" });
  });

  it("reads Retry-After as a date", async () => {
    const body = JSON.stringify({ type: "error", error: { type: "rate_limit_error", message: "slow down" } });
    refuseWith(429, body, { "retry-after": new Date(Date.now() + 60_000).toUTCString() });
    const fault = (await ask()) as ModelError;
    expect(fault.retryAfterMs).toBeGreaterThan(30_000);
    expect(fault.retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  it("does not take a page of a proxy for an answer", async () => {
    reply = (response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html>Sign in</html>");
    expect(await ask()).toMatchObject({ fault: "malformed" });
  });

  it("marks tools, system text and the last two messages of the user for the cache", () => {
    const params = toAnthropic(
      question({
        model: "claude-haiku-4-5",
        tools: [WRITE_TOOL, { ...WRITE_TOOL, name: "run" }],
        messages: [
          { role: "user", text: "one" },
          { role: "assistant", text: "", calls: [{ id: "c1", name: "run", input: {} }] },
          { role: "user", text: "note", results: [{ callId: "c1", content: "out", isError: true }] },
          { role: "assistant", text: "two", calls: [] },
          { role: "user", text: "three" },
        ],
      }),
    );
    expect(JSON.stringify(params).match(/cache_control/g)).toHaveLength(4);
    expect(params.tools?.map((entry) => "cache_control" in entry)).toEqual([false, true]);
    expect(params.messages[2]?.content).toMatchObject([
      { type: "tool_result", tool_use_id: "c1", is_error: true },
      { type: "text", text: "note", cache_control: { type: "ephemeral" } },
    ]);
  });

  it("marks what lasts of a long conversation instead of the tools", () => {
    const turn = (n: number, lasting = false) => [
      { role: "assistant" as const, text: "", calls: [{ id: `c${n}`, name: "write", input: {} }] },
      {
        role: "user" as const,
        text: "",
        results: [{ callId: `c${n}`, content: "out", isError: false }],
        lasting,
      },
    ];
    const params = toAnthropic(
      question({
        model: "claude-haiku-4-5",
        tools: [WRITE_TOOL],
        messages: [{ role: "user", text: "one" }, ...turn(1), ...turn(2, true), ...turn(3), ...turn(4)],
      }),
    );
    const marked = params.messages.flatMap((message, at) =>
      JSON.stringify(message).includes("cache_control") ? [at] : [],
    );
    expect(marked).toEqual([4, 6, 8]);
    expect(JSON.stringify(params).match(/cache_control/g)).toHaveLength(4);
    expect(JSON.stringify(params)).not.toContain("lasting");
  });

  it.each([
    ["claude-haiku-4-5", true],
    ["claude-haiku-4-5-20251001", true],
    ["claude-opus-5", true],
    ["claude-opus-5-20260724", true],
    ["claude-opus-5-5", false],
    ["claude-sonnet-5-5", false],
    ["claude-fable-5-2", false],
    ["claude-opus-6", false],
  ])("forces a tool of %s by choice: %s", (model, byChoice) => {
    const params = toAnthropic(question({ model, tools: [WRITE_TOOL], forceTool: "write" }));
    expect(params.tool_choice !== undefined).toBe(byChoice);
    expect(JSON.stringify(params.messages).includes("calling the tool")).toBe(!byChoice);
  });
});

describe("ollama", () => {
  const ask = (part: Partial<ModelRequest> = {}) =>
    settle(
      createOllama({ host: address, timeoutMs: 5000 }).ask(
        question({ model: "qwen:7b", tools: [WRITE_TOOL], ...part }),
      ),
    );
  const piece = (message: object, rest: object = { done: false }) =>
    `${JSON.stringify({ model: "qwen:7b", created_at: "2026-01-01T00:00:00Z", message: { role: "assistant", content: "", ...message }, ...rest })}\n`;
  const DONE = piece({}, { done: true, done_reason: "stop", prompt_eval_count: 11, eval_count: 22 });
  const lines = (...parts: string[]) => {
    reply = (response) =>
      response.writeHead(200, { "content-type": "application/x-ndjson" }).end(parts.join(""));
  };

  it("counts its evaluations", async () => {
    lines(piece({ content: "Hi" }), DONE);
    expect(await ask()).toMatchObject({
      text: "Hi",
      usage: { input: 11, output: 22, cacheRead: 0, cacheWrite: 0 },
    });
  });

  it("finds a call that was written as text", async () => {
    lines(
      piece({ content: '```json\n{"name": "write", ' }),
      piece({ content: '"arguments": {"path": "a"}}\n```' }),
      DONE,
    );
    expect(await ask()).toMatchObject({
      text: "",
      stop: "tool",
      calls: [{ name: "write", input: { path: "a" } }],
    });
  });

  it("reads arguments that come as text, and refuses broken ones", async () => {
    lines(piece({ tool_calls: [{ function: { name: "write", arguments: '{"path":"a"}' } }] }), DONE);
    expect(await ask()).toMatchObject({ calls: [{ input: { path: "a" } }] });
    lines(piece({ tool_calls: [{ function: { name: "write", arguments: '{"path":' } }] }), DONE);
    expect(await ask()).toMatchObject({
      calls: [{ input: {}, unreadable: expect.stringMatching(/not valid/) }],
    });
  });

  it("says when the answer was cut at its length", async () => {
    lines(
      piece({ content: "long" }),
      piece({}, { done: true, done_reason: "length", prompt_eval_count: 1, eval_count: 2 }),
    );
    expect(await ask()).toMatchObject({ stop: "max_tokens", text: "long" });
  });

  it.each([
    ["without its end", [piece({ content: "Hi" })]],
    ["that is empty", []],
    ["with a line that is no JSON", [piece({ content: "Hi" }), '{"message": {"content": "lo\n', DONE]],
    ["with an error in it", [piece({ content: "Hi" }), '{"error": "the runner has died"}\n']],
  ])("calls a stream %s malformed", async (_what, parts) => {
    lines(...parts);
    expect(await ask()).toMatchObject({ fault: "malformed" });
  });

  it("says how to get a model that is missing", async () => {
    refuseWith(404, '{"error":"model \'qwen:7b\' not found"}');
    expect(await ask()).toMatchObject({
      fault: "invalid",
      message: expect.stringContaining("ollama pull qwen:7b"),
    });
  });

  it("says when a model cannot call tools", async () => {
    refuseWith(400, '{"error":"registry.ollama.ai/library/qwen:7b does not support tools"}');
    expect(await ask()).toMatchObject({
      fault: "invalid",
      message: expect.stringContaining("cannot call tools"),
    });
  });

  it("does not follow a redirect", async () => {
    reply = (response) => response.writeHead(307, { location: "http://127.0.0.1:9/" }).end();
    expect(await ask()).toMatchObject({ fault: "network" });
  });

  it("is not ready without a model", async () => {
    refuseWith(200, '{"models":[]}');
    const provider = createOllama({ host: address, timeoutMs: 1000 });
    expect(await provider.check()).toMatchObject({
      ok: false,
      detail: expect.stringContaining("ollama pull"),
    });
  });
});
