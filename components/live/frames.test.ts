import { describe, expect, it } from "vitest";
import { frameReader } from "./frames";

const FRAME = 'id: 7\nevent: job.note\ndata: {"a":1}\n\n';

describe("frameReader", () => {
  it("reads a whole frame", () => {
    expect(frameReader().push(FRAME)).toEqual([{ id: "7", event: "job.note", data: '{"a":1}' }]);
  });

  it("reads the same messages wherever the bytes are cut", () => {
    const text = `: hello\n\n${FRAME}data: one\ndata: two\r\n\r\n`;
    const whole = frameReader().push(text);
    expect(whole).toHaveLength(2);
    for (let cut = 1; cut < text.length; cut++) {
      const reader = frameReader();
      expect([...reader.push(text.slice(0, cut)), ...reader.push(text.slice(cut))]).toEqual(whole);
    }
  });

  it("joins several data lines and ignores comments", () => {
    expect(frameReader().push(": ping\ndata: a\ndata:b\n\n")).toEqual([
      { id: "", event: "message", data: "a\nb" },
    ]);
  });
});
