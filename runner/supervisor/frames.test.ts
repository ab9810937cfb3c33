import { describe, expect, it } from "vitest";
import { encodeFrame, encodeJson, FRAME, FrameReader, HEADER_BYTES, MAX_PAYLOAD_BYTES } from "./frames";

describe("frames", () => {
  const sent = [
    encodeFrame(FRAME.ping, 0),
    encodeFrame(FRAME.out, 7, Buffer.from("some output")),
    encodeJson(FRAME.exit, 4_294_967_295, { exitCode: 3 }),
    encodeFrame(FRAME.err, 8, Buffer.alloc(100_000, 1)),
  ];
  const expected = [
    [0, FRAME.ping, 0],
    [7, FRAME.out, 11],
    [4_294_967_295, FRAME.exit, 14],
    [8, FRAME.err, 100_000],
  ];

  it.each([1, 2, 5, 9, 10, 4096, 1_000_000])("come out whole from pieces of %i bytes", (size) => {
    const all = Buffer.concat(sent);
    const reader = new FrameReader();
    const frames = [];
    for (let at = 0; at < all.length; at += size) frames.push(...reader.push(all.subarray(at, at + size)));
    expect(frames.map((frame) => [frame.id, frame.type, frame.payload.length])).toEqual(expected);
    expect(frames[1]?.payload.toString()).toBe("some output");
  });

  it("waits for the rest of a frame", () => {
    const reader = new FrameReader();
    const frame = encodeFrame(FRAME.out, 1, Buffer.from("abc"));
    expect(reader.push(frame.subarray(0, HEADER_BYTES + 2))).toEqual([]);
    expect(reader.push(frame.subarray(HEADER_BYTES + 2))).toHaveLength(1);
  });

  it("refuses lengths over the limit in both directions", () => {
    expect(() => encodeFrame(FRAME.out, 1, Buffer.alloc(MAX_PAYLOAD_BYTES + 1))).toThrow(RangeError);
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(MAX_PAYLOAD_BYTES + 1, 0);
    expect(() => new FrameReader().push(header)).toThrow(RangeError);
  });
});
