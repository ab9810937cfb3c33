import { describe, expect, test } from "vitest";
import type { Turn } from "../generated/prisma/client";
import { BEGAN_AFRESH, questionOf, type StoredPrompt } from "./history";
import type { SteerMessage } from "./steering";

const prompt: StoredPrompt = { system: "s", first: "Build it.", tools: [], forceTool: null, maxTurns: 40 };
const ROOM = { window: 200_000, answer: 4_096 };
const turn = (n: number, content: string, nudge: string | null = null): Turn =>
  ({
    n,
    answer: { text: `answer ${n}`, calls: [{ id: `c${n}`, name: "read", input: {} }], stop: "tool" },
    usage: { input: 100, output: 50, cacheRead: 20, cacheWrite: 30 },
    observations: [{ callId: `c${n}`, content, isError: false }],
    nudge,
  }) as unknown as Turn;
const messagesOf = (turns: Turn[], steering: SteerMessage[] = []) =>
  questionOf(prompt, turns, steering, ROOM).messages;

describe("the conversation", () => {
  test("begins with the first message and alternates", () => {
    const messages = messagesOf([turn(1, "one"), turn(2, "two", "Hurry.")]);
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
    const messages = messagesOf(turns);
    const called = messages.flatMap((m) => (m.role === "assistant" ? m.calls.map((call) => call.id) : []));
    const answered = messages.flatMap((m) =>
      m.role === "user" ? (m.results ?? []).map((r) => r.callId) : [],
    );
    expect(answered).toEqual(called);
  });

  test.each([
    [12, 0],
    [19, 0],
    [20, 10],
    [29, 10],
    [30, 20],
  ])("of %d turns shows all but the first %d in full", (count, shortened) => {
    const turns = Array.from({ length: count }, (_, i) => turn(i + 1, "x".repeat(401)));
    const contents = messagesOf(turns).flatMap((m) => (m.role === "user" ? (m.results ?? []) : []));
    expect(contents.map((result) => result.content.startsWith("x"))).toEqual([
      ...Array(shortened).fill(false),
      ...Array(count - shortened).fill(true),
    ]);
  });

  test("keeps short results however old they are", () => {
    const turns = [turn(1, "short"), ...Array.from({ length: 25 }, (_, i) => turn(i + 2, "x".repeat(500)))];
    expect(messagesOf(turns)[2]).toMatchObject({ results: [{ content: "short" }] });
  });

  test("has a person's words before the turn for which they were said", () => {
    const said = (n: number): SteerMessage => ({ id: BigInt(n), turn: n, author: "ana", text: `words ${n}` });
    const messages = messagesOf([turn(1, "one"), turn(2, "two")], [said(1), said(3)]);
    const texts = messages.map((message) => message.text);
    expect(texts[0]).toContain("words 1");
    expect(texts[2]).toBe("");
    expect(texts[4]).toContain("words 3");
  });
});

describe("an agent that begins afresh", () => {
  const said = (n: number): SteerMessage => ({ id: BigInt(n), turn: n, author: "ana", text: `words ${n}` });
  const turns = [turn(1, "one"), turn(2, "two", BEGAN_AFRESH), turn(3, "three")];

  test("sees the job and what people said, and nothing of what went before", () => {
    const [first, ...rest] = messagesOf(turns, [said(1), said(2), said(3), said(4)]);
    for (const part of ["Build it.", "words 1", "words 2", "words 3", "in the workspace"])
      expect(first?.text).toContain(part);
    expect(first?.text).not.toContain("words 4");
    expect(rest.map((message) => message.text)).toEqual(["answer 3", expect.stringContaining("words 4")]);
  });

  test("keeps the words of people when its own turns are left out later, each once", () => {
    const long = Array.from({ length: 60 }, (_, i) => turn(i + 3, "y".repeat(9_000)));
    const people = [said(2), said(5), said(40)];
    const room = { window: 20_000, answer: 4_096 };
    const { messages } = questionOf(prompt, [...turns.slice(0, 2), ...long], people, room);
    const whole = JSON.stringify(messages);
    for (const { text } of people) expect(whole.split(text)).toHaveLength(2);
  });
});

describe("the bound of the next question", () => {
  test("is all bytes halved for a first question, and last usage plus new bytes halved later", () => {
    const first = questionOf(prompt, [], [], ROOM).inputTokens;
    expect(first).toBeGreaterThan(Buffer.byteLength(JSON.stringify([prompt.system, prompt.first])) / 2);
    const bound = questionOf(prompt, [turn(1, "x".repeat(1_000))], [], ROOM).inputTokens;
    expect(bound).toBeGreaterThan(200 + 500);
    expect(bound).toBeLessThan(200 + 500 + 200);
  });

  test("does not believe a usage that is smaller than any tokenizer's", () => {
    const long = { ...prompt, first: "x".repeat(10_000) };
    const { inputTokens } = questionOf(long, [turn(1, "y")], [], ROOM);
    expect(inputTokens).toBeGreaterThan(5_000);
  });
});
