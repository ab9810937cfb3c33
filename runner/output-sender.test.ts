import { describe, expect, it } from "vitest";
import { OutputSender } from "./output-sender";
import { MAX_CHUNK_CHARS, type OutputChunk, outputRequest } from "./protocol";

function collector() {
  const batches: OutputChunk[][] = [];
  const send = async (chunks: OutputChunk[]) => {
    batches.push(chunks);
  };
  return { batches, send, all: () => batches.flat() };
}

describe("the output of a command", () => {
  it("keeps characters whole that arrive in halves, per stream", async () => {
    const { send, all } = collector();
    const sender = new OutputSender(send);
    const bytes = Buffer.from("ä€😀");
    for (const byte of bytes) {
      sender.write("stdout", Buffer.from([byte]));
      sender.write("stderr", Buffer.from("-"));
    }
    expect(await sender.finish()).toEqual({ stdout: "ä€😀", stderr: "-".repeat(bytes.length) });
    const text = (stream: string) =>
      all()
        .filter((chunk) => chunk.stream === stream)
        .map((chunk) => chunk.text)
        .join("");
    expect(text("stdout")).toBe("ä€😀");
    expect(all().map((chunk) => chunk.seq)).toEqual(all().map((_, index) => index));
  });

  it("shows bytes that are no text as replacement characters", async () => {
    const sender = new OutputSender(null);
    sender.write("stdout", Buffer.from([0x61, 0xff, 0x62, 0xe2, 0x82]));
    expect((await sender.finish()).stdout).toBe("a\ufffdb\ufffd");
  });

  it("cuts long text into chunks that the protocol accepts, without lone surrogates", async () => {
    const { batches, send, all } = collector();
    const sender = new OutputSender(send);
    const text = `a${"😀".repeat(MAX_CHUNK_CHARS)}`;
    sender.write("stdout", Buffer.from(text));
    await sender.finish();
    for (const chunks of batches) outputRequest.parse({ job_id: "j", fence: 1, chunks });
    expect(all().every((chunk) => chunk.text.isWellFormed())).toBe(true);
    expect(
      all()
        .map((chunk) => chunk.text)
        .join(""),
    ).toBe(text);
  });

  it("puts many small writes into few requests", async () => {
    const { batches, send } = collector();
    const sender = new OutputSender(send);
    for (let line = 0; line < 500; line++)
      sender.write(line % 2 ? "stdout" : "stderr", Buffer.from(`${line}\n`));
    await sender.finish();
    expect(batches.length).toBeLessThanOrEqual(4);
    expect(batches.every((chunks) => chunks.length <= 200)).toBe(true);
  });

  it("tells when sending failed", async () => {
    const sender = new OutputSender(() => Promise.reject(new Error("the lease is over")));
    sender.write("stdout", Buffer.from("x"));
    await expect(sender.finish()).rejects.toThrow("the lease is over");
  });
});
