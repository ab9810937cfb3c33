import { describe, expect, test } from "vitest";
import type { Turn } from "../generated/prisma/client";
import { inputTokenBound, messagesOf, type StoredPrompt } from "./history";

const prompt: StoredPrompt = { system: "s", first: "Build it.", tools: [], forceTool: null, maxTurns: 40 };
const turn = (n: number, content: string, nudge: string | null = null): Turn =>
  ({
    n,
    answer: { text: `answer ${n}`, calls: [{ id: `c${n}`, name: "read", input: {} }], stop: "tool" },
    usage: { input: 100, output: 50, cacheRead: 20, cacheWrite: 30 },
    observations: [{ callId: `c${n}`, content, isError: false }],
    nudge,
  }) as unknown as Turn;

describe("the conversation", () => {
  test("begins with the first message and alternates", () => {
    const messages = messagesOf(prompt, [turn(1, "one"), turn(2, "two", "Hurry.")]);
    expect(messages.map((message) => message.role)).toEqual([
      "user",
      "assistant",
      "user",
      "assistant",
      "user",
    ]);
    expect(messages[0]).toEqual({ role: "user", text: "Build it." });
    expect(messages.at(-1)).toMatchObject({ text: "Hurry.", results: [{ content: "two" }] });
  });

  test("answers every call of every turn, however old", () => {
    const turns = Array.from({ length: 30 }, (_, i) => turn(i + 1, "x".repeat(5_000)));
    const messages = messagesOf(prompt, turns);
    const called = messages.flatMap((m) => (m.role === "assistant" ? m.calls.map((call) => call.id) : []));
    const answered = messages.flatMap((m) =>
      m.role === "user" ? (m.results ?? []).map((r) => r.callId) : [],
    );
    expect(answered).toEqual(called);
  });

  test("shows the last ten results in full and masks long ones before them", () => {
    const turns = Array.from({ length: 12 }, (_, i) => turn(i + 1, "x".repeat(401)));
    const contents = messagesOf(prompt, turns).flatMap((m) => (m.role === "user" ? (m.results ?? []) : []));
    expect(contents.map((result) => result.content.startsWith("x"))).toEqual([
      false,
      false,
      ...Array(10).fill(true),
    ]);
    expect(messagesOf(prompt, [turn(1, "short"), ...turns])[2]).toMatchObject({
      results: [{ content: "short" }],
    });
  });
});

describe("the bound of the next question", () => {
  test("is all bytes halved for a first question, and last usage plus new bytes halved later", () => {
    expect(inputTokenBound(prompt, [])).toBeGreaterThan(Buffer.byteLength(JSON.stringify(prompt)) / 2);
    const bound = inputTokenBound(prompt, [turn(1, "x".repeat(1_000))]);
    expect(bound).toBeGreaterThan(200 + 500);
    expect(bound).toBeLessThan(200 + 500 + 200);
  });
});
