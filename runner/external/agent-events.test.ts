import { describe, expect, test } from "vitest";
import { type ExternalEvent, externalEvent } from "../protocol";
import { EventReader, MAX_LINE_BYTES, parseEvent, readContract } from "./agent-events";

const line = (data: object) => JSON.stringify({ v: 1, ts: "2026-11-21T12:00:00Z", ...data });

function read(...pieces: (string | Buffer)[]): ExternalEvent[] {
  const events: ExternalEvent[] = [];
  const reader = new EventReader(readContract, (event) => events.push(event));
  for (const piece of pieces) reader.write(Buffer.from(piece));
  reader.end();
  return events;
}

describe("a line of the contract", () => {
  test.each<[object, ExternalEvent]>([
    [{ type: "started" }, { type: "started", agent: null }],
    [
      { type: "iteration", n: 3 },
      { type: "iteration", n: 3 },
    ],
    [
      { type: "task", id: "a", done: true },
      { type: "task", id: "a", done: true },
    ],
    [
      { type: "lock", files: ["a.js"] },
      { type: "lock", files: ["a.js"] },
    ],
    [
      { type: "learning", kind: "gotcha", text: "x" },
      { type: "learning", kind: "gotcha", text: "x" },
    ],
    [
      { type: "usage", tokens: 7, cost: 0.1 },
      { type: "usage", tokens: 7, cost: 0.1 },
    ],
    [
      { type: "usage", tokens: { input: 3, output: 4 } },
      { type: "usage", tokens: 7, cost: 0 },
    ],
    [
      { type: "commit", sha: "abc" },
      { type: "commit", sha: "abc" },
    ],
    [
      { type: "stuck", reason: "why" },
      { type: "stuck", reason: "why" },
    ],
    [{ type: "completed" }, { type: "completed", summary: "" }],
    [
      { type: "failed", reason: "why" },
      { type: "failed", reason: "why" },
    ],
    [
      { type: "dreamt", of: 1 },
      { type: "unknown", name: "dreamt", data: '{"of":1}' },
    ],
    [{ type: "__proto__" }, { type: "unknown", name: "__proto__", data: "{}" }],
    // These are the host's own words; an agent cannot speak for it.
    [
      { type: "invalid", count: 1 },
      { type: "unknown", name: "invalid", data: '{"count":1}' },
    ],
  ])("%j is read", (data, event) => {
    expect(parseEvent(line(data))).toEqual(event);
  });

  test.each([
    "",
    "words",
    "[]",
    "null",
    "1",
    "{}",
    '{"v":1}',
    '{"type":"started"}',
    '{"v":2,"type":"started"}',
    '{"v":"1","type":"started"}',
    '{"v":1,"type":7}',
    line({ type: "iteration", n: -1 }),
    line({ type: "iteration", n: 1.5 }),
    line({ type: "iteration", n: "many" }),
    line({ type: "task" }),
    line({ type: "lock", files: "a.js" }),
    line({ type: "lock", files: [] }),
    line({ type: "learning", kind: "gotcha" }),
    line({ type: "commit", sha: "" }),
    line({ type: "x".repeat(101) }),
    `${line({ type: "started" })}}`,
  ])("%j is not", (text) => {
    expect(parseEvent(text)).toBeNull();
  });

  test("is cut to what the protocol takes, and stays well-formed", () => {
    const long = "\u{1f600}".repeat(6_001);
    for (const data of [
      { type: "stuck", reason: `a${long}` },
      { type: "learning", kind: long, text: long },
      { type: "task", id: long, done: false },
      { type: "lock", files: Array.from({ length: 500 }, () => long) },
      { type: "unheard", of: long },
      { type: "usage", tokens: 1e308, cost: 1e308 },
    ]) {
      const event = parseEvent(line(data));
      expect(externalEvent.safeParse(event).success, JSON.stringify(data).slice(0, 60)).toBe(true);
      expect(JSON.stringify(event).isWellFormed()).toBe(true);
    }
  });
});

describe("an agent's output", () => {
  test("is read however it is cut into pieces", () => {
    const text = `${line({ type: "iteration", n: 1 })}\r\n\n${line({ type: "task", id: "é", done: true })}\n`;
    const whole = read(text);
    expect(whole).toHaveLength(2);
    const bytes = Buffer.from(text);
    expect(read(...Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)))).toEqual(whole);
  });

  test("ends without a line's end", () => {
    expect(read(line({ type: "completed" }))).toEqual([{ type: "completed", summary: "" }]);
  });

  test("counts what it cannot read, in its place, with the first of it", () => {
    const events = read(`one\n\u0000\u001b[31m\n${line({ type: "started" })}\nthree\n`);
    expect(events.map(({ type }) => type)).toEqual(["invalid", "started", "invalid"]);
    expect(events[0]).toEqual({ type: "invalid", count: 2, sample: "one" });
    expect(events[2]).toEqual({ type: "invalid", count: 1, sample: "three" });
  });

  test("keeps no more of a long line than the limit, and goes on behind it", () => {
    const piece = "x".repeat(64 * 1024);
    const pieces = Array.from({ length: 1_600 }, () => piece);
    const before = process.memoryUsage().heapUsed;
    const events = read(...pieces, `\n${line({ type: "started" })}\n`);
    expect(events.map(({ type }) => type)).toEqual(["invalid", "started"]);
    expect(events[0]).toMatchObject({ count: 1 });
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
    expect(piece.length * pieces.length).toBeGreaterThan(MAX_LINE_BYTES * 100);
  });
});
