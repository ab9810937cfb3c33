// One suite for every implementation of the model port.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ModelError, type ModelRequest } from "@/server/models/port";
import { costMicro, priceOf } from "@/server/models/prices";
import { createSimulation } from "@/server/models/simulation/simulation";
import { question, startWire, type Wire, WRITE_TOOL } from "./providers";

/** Milliseconds between pieces, so that those before a cut are really sent. */
const TRICKLE = { latency: 20 };

const simulation = createSimulation();

async function faultOf(promise: Promise<unknown>): Promise<ModelError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ModelError);
  return error as ModelError;
}

describe.each(["anthropic", "ollama"] as const)("%s", (name) => {
  let wire: Wire;
  const ask = (part: Partial<ModelRequest>) => wire.provider.ask(question({ model: wire.model, ...part }));

  beforeEach(async () => {
    wire = await startWire(name);
  });
  afterEach(() => wire.stop());

  it("answers with text, in pieces while it comes", async () => {
    const text = "Olá — a longer answer than one piece. 日本語 🙂";
    wire.answer("hello", { content: text });
    const pieces: string[] = [];
    const answer = await ask({ onText: (piece) => pieces.push(piece) });
    expect(answer).toMatchObject({ text, calls: [], stop: "end", model: wire.model });
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("")).toBe(text);
  });

  it("sends system text, history and limits", async () => {
    wire.answer("again", { content: "ok" });
    await ask({
      messages: [
        { role: "user", text: "first" },
        { role: "assistant", text: "reply", calls: [] },
        { role: "user", text: "again" },
      ],
    });
    const body = JSON.stringify(wire.lastBody());
    for (const part of ["You write code.", "first", "reply", "again"]) expect(body).toContain(part);
  });

  it("calls tools and reads their results", async () => {
    const input = { path: "a.py", content: "print('{\"x\": 1}')\n" };
    wire.answer("write it", { toolCalls: [{ name: "write", arguments: input }] });
    wire.answerToResult({ content: "Written." });
    const messages: ModelRequest["messages"] = [{ role: "user", text: "write it" }];
    const first = await ask({ messages, tools: [WRITE_TOOL] });
    expect(first.stop).toBe("tool");
    expect(first.calls).toHaveLength(1);
    expect(first.calls[0]).toMatchObject({ name: "write", input });
    messages.push({ role: "assistant", text: first.text, calls: first.calls });
    messages.push({
      role: "user",
      text: "",
      results: first.calls.map((call) => ({ callId: call.id, content: "done: 24 bytes", isError: false })),
    });
    const second = await ask({ messages, tools: [WRITE_TOOL] });
    expect(second).toMatchObject({ text: "Written.", calls: [], stop: "end" });
    expect(JSON.stringify(wire.lastBody())).toContain("done: 24 bytes");
  });

  it("makes several calls with text beside them, each with an id of its own", async () => {
    wire.answer("both", {
      content: "Doing both.",
      toolCalls: [
        { name: "write", arguments: { path: "a", content: "" } },
        { name: "write", arguments: { path: "b", content: "" } },
      ],
    });
    const answer = await ask({ messages: [{ role: "user", text: "both" }], tools: [WRITE_TOOL] });
    expect(answer.text).toBe("Doing both.");
    expect(new Set(answer.calls.map((call) => call.id)).size).toBe(2);
  });

  it("asks for a forced tool", async () => {
    wire.answer("plan", { toolCalls: [{ name: "write", arguments: { path: "SPEC.md", content: "x" } }] });
    // The sentence that stands in for force comes as a last message of its own.
    wire.answer('"write"', { toolCalls: [{ name: "write", arguments: { path: "SPEC.md", content: "x" } }] });
    const answer = await ask({
      messages: [{ role: "user", text: "plan" }],
      tools: [WRITE_TOOL],
      forceTool: "write",
    });
    expect(answer.calls[0]?.name).toBe("write");
  });

  it("counts tokens that can be priced", async () => {
    wire.answer("hello", { content: "ok", usage: { input_tokens: 12, output_tokens: 34 } });
    const { usage } = await ask({});
    for (const count of Object.values(usage)) expect(Number.isInteger(count) && count >= 0).toBe(true);
    // aimock always says 0 for Ollama.
    if (name === "anthropic") expect(usage).toEqual({ input: 12, output: 34, cacheRead: 0, cacheWrite: 0 });
    expect(costMicro(priceOf(name, wire.model), usage)).toBe(name === "anthropic" ? 182 : 0);
  });

  it("says how long to wait when a limit is reached", async () => {
    wire.refuse(429, "rate_limit_error", 7);
    const fault = await faultOf(ask({}));
    expect(fault.fault).toBe("quota");
    expect(fault.retryAfterMs).toBe(7000);
  });

  it.each([
    [529, "overloaded_error", "overloaded"],
    [500, "api_error", "overloaded"],
    [503, "api_error", "overloaded"],
    [400, "invalid_request_error", "invalid"],
    [403, "permission_error", "invalid"],
    [404, "not_found_error", "invalid"],
  ])("tells a refusal with %i (%s) as %s", async (status, type, expected) => {
    wire.refuse(status, type);
    expect((await faultOf(ask({}))).fault).toBe(expected);
  });

  it("asks once only", async () => {
    wire.refuse(529, "overloaded_error");
    await faultOf(ask({}));
    expect(wire.calls()).toBe(1);
  });

  it.each([2, 3, 5])(
    "never gives a part of an answer for the whole (cut after %i pieces)",
    async (pieces) => {
      wire.answer(
        "hello",
        { content: "This answer is cut before its end, somewhere." },
        { truncateAfterChunks: pieces, ...TRICKLE },
      );
      expect((await faultOf(ask({}))).fault).toBe("malformed");
    },
  );

  it("never gives a part of a tool call", async () => {
    wire.answer(
      "hello",
      { toolCalls: [{ name: "write", arguments: { path: "a", content: "long ".repeat(50) } }] },
      { truncateAfterChunks: 2, ...TRICKLE },
    );
    expect((await faultOf(ask({ tools: [WRITE_TOOL] }))).fault).toBe("malformed");
  });

  it("stops when told to, before and during an answer", async () => {
    wire.answer("hello", { content: "slow ".repeat(200) }, { streamingProfile: { ttft: 0, tps: 5 } });
    await faultOf(ask({ signal: AbortSignal.abort() }));
    expect(wire.calls()).toBe(0);
    const stopped = new AbortController();
    const promise = ask({ signal: stopped.signal, onText: () => stopped.abort() });
    expect((await faultOf(promise)).message).toMatch(/stopped/);
  });

  it("gives up at its deadline", async () => {
    wire.answer("hello", { content: "slow ".repeat(200) }, { streamingProfile: { ttft: 0, tps: 5 } });
    const byCaller = await faultOf(ask({ signal: AbortSignal.timeout(300) }));
    expect(byCaller.fault).toBe("timeout");
    const hasty = wire.other({ timeoutMs: 300 });
    expect((await faultOf(hasty.ask(question({ model: wire.model })))).fault).toBe("timeout");
  });

  it("tells when nobody is there", async () => {
    await wire.stop();
    const fault = await faultOf(ask({}));
    expect(fault.fault).toBe("network");
    expect(fault.message).toMatch(/reached|does not answer/);
    // What was never sent is not charged.
    if (name === "anthropic")
      expect(fault.usage).toEqual({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0 });
    expect((await wire.provider.check()).ok).toBe(false);
  });

  it("can be checked without a call to a model", async () => {
    const { detail } = await wire.provider.check();
    expect(detail).toMatch(/\w/);
    expect(wire.provider.name).toBe(name);
  });
});

describe("anthropic alone", () => {
  it("refuses a wrong key with a plain sentence", async () => {
    const wire = await startWire("anthropic");
    try {
      const wrong = wire.other({ key: "sk-wrong" });
      const fault = await faultOf(wrong.ask(question({ model: wire.model })));
      expect(fault.fault).toBe("invalid");
      expect(fault.message).toContain("refused the key");
      expect(fault.message).not.toContain("sk-wrong");
      expect(await wrong.check()).toMatchObject({ ok: false });
      expect(await wire.provider.check()).toMatchObject({ ok: true });
    } finally {
      await wire.stop();
    }
  });
});

describe("simulation", () => {
  const ask = (part: Partial<ModelRequest>) => simulation.ask(question({ model: "sim-1", ...part }));

  it("answers, streams what it answers, and counts tokens", async () => {
    const pieces: string[] = [];
    const answer = await ask({ tools: [WRITE_TOOL], onText: (piece) => pieces.push(piece) });
    expect(answer.text !== "" || answer.calls.length > 0).toBe(true);
    expect(pieces.join("")).toBe(answer.text);
    expect(answer.usage.output).toBeGreaterThan(0);
    expect(costMicro(priceOf("simulation", answer.model), answer.usage)).toBeGreaterThan(0);
  });

  it("answers the same question in the same way", async () => {
    expect(await ask({ tools: [WRITE_TOOL] })).toEqual(await ask({ tools: [WRITE_TOOL] }));
  });

  it("stops when told to", async () => {
    await faultOf(ask({ signal: AbortSignal.abort() }));
  });

  it("can always be used", async () => {
    expect(await simulation.check()).toMatchObject({ ok: true });
  });
});
