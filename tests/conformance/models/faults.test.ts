// J10: everything that can go wrong between a question and its answer, against both providers over a real line: each
// fault has its name, nothing of a broken answer is given for the whole, and what may have been charged is told.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAnthropic } from "@/server/models/anthropic";
import { createOllama } from "@/server/models/ollama";
import { type ModelAnswer, ModelError, type ModelRequest } from "@/server/models/port";
import { question, WRITE_TOOL } from "./providers";

let server: Server;
let address: string;
let reply: (response: ServerResponse) => void;
let asked = 0;

beforeEach(async () => {
  asked = 0;
  server = createServer((request, response) => {
    asked++;
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

interface Speech {
  text?: unknown;
  calls?: { id?: unknown; name?: unknown; input?: unknown }[];
  /** Tokens in and out. */
  usage?: [unknown, unknown];
}
type Outcome = ModelAnswer | ModelError;

/** How each provider writes the same answer, in pieces as they go over the line; the last piece ends it. */
const SPEAKERS = {
  anthropic: {
    type: "text/event-stream",
    pieces: ({ text, calls = [], usage = [10, 20] }: Speech): string[] => {
      const event = (data: { type: string } & Record<string, unknown>) =>
        `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
      const message = {
        id: "m",
        type: "message",
        role: "assistant",
        model: "claude",
        content: [],
        usage: { input_tokens: usage[0], output_tokens: 1 },
      };
      const blocks = [
        ...(text === undefined
          ? []
          : [
              [
                { type: "text", text: "" },
                { type: "text_delta", text },
              ],
            ]),
        ...calls.map(({ id, name, input }) => [
          { type: "tool_use", id, name, input: {} },
          { type: "input_json_delta", partial_json: JSON.stringify(input) },
        ]),
      ];
      return [
        event({ type: "message_start", message }),
        ...blocks.map(
          ([content_block, delta], index) =>
            event({ type: "content_block_start", index, content_block }) +
            event({ type: "content_block_delta", index, delta }) +
            event({ type: "content_block_stop", index }),
        ),
        event({
          type: "message_delta",
          delta: { stop_reason: "end_turn" },
          usage: { output_tokens: usage[1] },
        }) + event({ type: "message_stop" }),
      ];
    },
    more: (text: string) =>
      `event: content_block_delta\ndata: ${JSON.stringify({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })}\n\n`,
  },
  ollama: {
    type: "application/x-ndjson",
    pieces: ({ text, calls = [], usage = [10, 20] }: Speech): string[] => {
      const line = (message: object, rest: object = { done: false }) =>
        `${JSON.stringify({ model: "qwen", created_at: "2026-01-01T00:00:00Z", message: { role: "assistant", content: "", ...message }, ...rest })}\n`;
      return [
        line({}),
        ...(text === undefined ? [] : [line({ content: text })]),
        ...calls.map(({ name, input }) => line({ tool_calls: [{ function: { name, arguments: input } }] })),
        line({}, { done: true, done_reason: "stop", prompt_eval_count: usage[0], eval_count: usage[1] }),
      ];
    },
    more: (text: string) =>
      `${JSON.stringify({ model: "qwen", message: { role: "assistant", content: text }, done: false })}\n`,
  },
} as const;

describe.each(["anthropic", "ollama"] as const)("%s", (name) => {
  const speaker = SPEAKERS[name];
  const ask = (part: Partial<ModelRequest> = {}, timeoutMs = 5_000): Promise<Outcome> => {
    const provider =
      name === "anthropic"
        ? createAnthropic({ apiKey: "sk-test", baseURL: address, timeoutMs })
        : createOllama({ host: address, timeoutMs });
    const model = name === "anthropic" ? "claude-haiku-4-5" : "qwen";
    return provider.ask(question({ model, tools: [WRITE_TOOL], ...part })).catch((error: unknown) => {
      if (error instanceof ModelError) return error;
      throw error;
    });
  };
  const begin = (response: ServerResponse) => response.writeHead(200, { "content-type": speaker.type });
  const say = (speech: Speech) => {
    reply = (response) => begin(response).end(speaker.pieces(speech).join(""));
  };
  const refuse = (status: number, headers: Record<string, string> = {}) => {
    const error = { type: status === 429 ? "rate_limit_error" : "api_error", message: "not now" };
    const body = name === "anthropic" ? { type: "error", error } : { error: "not now" };
    reply = (response) =>
      response
        .writeHead(status, { "content-type": "application/json", ...headers })
        .end(JSON.stringify(body));
  };

  it("answers when all is well", async () => {
    say({ text: "Hello", calls: [{ id: "c1", name: "write", input: { path: "a", content: "b" } }] });
    expect(await ask()).toMatchObject({
      text: "Hello",
      calls: [{ name: "write", input: { path: "a", content: "b" } }],
      usage: { input: 10, output: 20 },
    });
  });

  it.each([
    [{ "retry-after": "7" }, 7_000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "1.5" }, 1_500],
    [{ "retry-after-ms": "250" }, 250],
    [{ "retry-after-ms": "250", "retry-after": "7" }, 250],
    [{ "retry-after-ms": "soon", "retry-after": "7" }, 7_000],
    [{ "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }, 0],
    [{ "retry-after": "soon" }, null],
    [{ "retry-after": "-5" }, null],
    [{}, null],
  ])("reads when to ask again: %j", async (headers, ms) => {
    refuse(429, headers as Record<string, string>);
    expect(await ask()).toMatchObject({ fault: "quota", retryAfterMs: ms });
    expect(asked).toBe(1);
  });

  it("reads when to ask again as a date to come", async () => {
    refuse(429, { "retry-after": new Date(Date.now() + 90_000).toUTCString() });
    const { retryAfterMs } = (await ask()) as ModelError;
    expect(retryAfterMs).toBeGreaterThan(60_000);
    expect(retryAfterMs).toBeLessThanOrEqual(90_000);
  });

  it.each([
    [429, "quota"],
    [529, "overloaded"],
    [500, "overloaded"],
    [502, "overloaded"],
    [503, "overloaded"],
    [408, "timeout"],
    [504, "timeout"],
    [400, "invalid"],
    [401, "invalid"],
    [403, "invalid"],
    [404, "invalid"],
    [413, "invalid"],
  ])("%i is called %s, asked once", async (status, fault) => {
    refuse(status, { "retry-after": "3" });
    expect(await ask()).toMatchObject({ fault });
    expect(asked).toBe(1);
  });

  it("an overloaded server may say when to come back, too", async () => {
    refuse(529, { "retry-after": "120" });
    expect(await ask()).toMatchObject({ fault: "overloaded", retryAfterMs: 120_000 });
  });

  it("tells a line that is cut before the first byte from one that is cut behind it", async () => {
    reply = (response) => response.destroy();
    expect(await ask()).toMatchObject({ fault: "network", usage: null });
    const [first] = speaker.pieces({ text: "Hello" });
    reply = (response) => begin(response).write(first, () => setTimeout(() => response.destroy(), 20));
    expect(await ask()).toMatchObject({ fault: "malformed" });
  });

  it("gives up at its deadline before the first byte and in the middle of an answer", async () => {
    reply = () => undefined;
    expect(await ask({}, 200)).toMatchObject({ fault: "timeout" });
    const [first, second] = speaker.pieces({ text: "Hello" });
    reply = (response) => void begin(response).write(`${first}${second}`);
    const broken = await ask({ maxTokens: 700 }, 1_500);
    expect(broken).toMatchObject({ fault: "timeout" });
    // The prompt was read and nobody knows how much was written: all that was allowed is counted.
    if (name === "anthropic") expect((broken as ModelError).usage).toMatchObject({ input: 10, output: 700 });
  });

  it.each([0, 1, 2])("never takes a part for the whole (%i pieces, then a clean end)", async (count) => {
    const speech = { text: "Hello", calls: [{ id: "c1", name: "write", input: { path: "a" } }] };
    reply = (response) => begin(response).end(speaker.pieces(speech).slice(0, count).join(""));
    expect(await ask()).toMatchObject({ fault: "malformed" });
  });

  it("gives an answer without a word as it is", async () => {
    say({});
    expect(await ask()).toMatchObject({ text: "", calls: [], stop: "end" });
    say({ text: "" });
    expect(await ask()).toMatchObject({ text: "", calls: [], stop: "end" });
  });

  it("breaks off text without an end", async () => {
    let stopped = false;
    reply = (response) => {
      begin(response).write(speaker.pieces({ text: "x" }).slice(0, 1).join(""));
      if (name === "anthropic")
        response.write(
          `event: content_block_start\ndata: ${JSON.stringify({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } })}\n\n`,
        );
      response.on("close", () => {
        stopped = true;
      });
      const more = speaker.more("endless ".repeat(1_000));
      const pour = (): void => {
        if (!stopped) response.write(more, () => setImmediate(pour));
      };
      pour();
    };
    expect(await ask({ maxTokens: 1_000 }, 20_000)).toMatchObject({ fault: "malformed" });
  });

  it("breaks off a line without an end", async () => {
    reply = (response) => {
      let stopped = false;
      response.on("close", () => {
        stopped = true;
      });
      begin(response).write("data: ");
      const more = "x".repeat(1 << 20);
      const pour = (): void => {
        if (!stopped) response.write(more, () => setImmediate(pour));
      };
      pour();
    };
    expect(await ask({}, 30_000)).toMatchObject({ fault: "malformed" });
  }, 40_000);

  it.each<[string, Speech]>([
    ["text that is a number", { text: 5 }],
    ["text that is an object", { text: { a: 1 } }],
    ["a call without a name", { calls: [{ id: "c1", input: {} }] }],
    ["a call whose name is a list", { calls: [{ id: "c1", name: ["write"], input: {} }] }],
    ["a call with an empty name", { calls: [{ id: "c1", name: "", input: {} }] }],
    ["tokens below zero", { text: "x", usage: [-1, 5] }],
    ["tokens that are text", { text: "x", usage: ["12", 5] }],
    ["broken tokens", { text: "x", usage: [1.5, 5] }],
    ["more tokens than can be counted", { text: "x", usage: [10, 1e12] }],
  ])("does not take %s for an answer", async (_what, speech) => {
    say(speech);
    const outcome = await ask();
    if (outcome instanceof ModelError) expect(outcome.fault).toBe("malformed");
    // What can be read as text all the same is text.
    else expect(typeof outcome.text).toBe("string");
    if (!("text" in speech) || speech.usage) expect(outcome).toBeInstanceOf(ModelError);
  });

  it.each(["null", "5", '"text"', "[]", "{}", '{"type":5}', '{"message":null}', '{"type":"message_start"}'])(
    "does not fall over %s in the stream",
    async (data) => {
      reply = (response) =>
        begin(response).end(name === "anthropic" ? `event: message_start\ndata: ${data}\n\n` : `${data}\n`);
      expect(await ask()).toMatchObject({ fault: "malformed" });
    },
  );

  it("follows no redirect: the key stays where it belongs", async () => {
    let elsewhere = 0;
    const other = createServer((_request, response) => {
      elsewhere++;
      response.end();
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const location = `http://localhost:${(other.address() as AddressInfo).port}/`;
    reply = (response) => response.writeHead(307, { location }).end();
    expect(await ask()).toBeInstanceOf(ModelError);
    expect(elsewhere).toBe(0);
    await new Promise((resolve) => other.close(resolve));
  });
});

describe("anthropic alone", () => {
  it("takes two calls with one id for no answer: results could not be told apart", async () => {
    const calls = [1, 2].map(() => ({ id: "c1", name: "write", input: {} }));
    reply = (response) =>
      response
        .writeHead(200, { "content-type": "text/event-stream" })
        .end(SPEAKERS.anthropic.pieces({ calls }).join(""));
    const provider = createAnthropic({ apiKey: "sk-test", baseURL: address, timeoutMs: 5_000 });
    const model = "claude-haiku-4-5";
    await expect(provider.ask(question({ model, tools: [WRITE_TOOL] }))).rejects.toMatchObject({
      fault: "malformed",
      usage: { input: 10, output: 20 },
    });
  });
});
