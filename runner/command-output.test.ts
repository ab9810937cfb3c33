import { describe, expect, it } from "vitest";
import { CommandOutput } from "./command-output";

describe("the output of a command", () => {
  it("keeps characters whole that arrive in halves, per stream", () => {
    const shown = { stdout: "", stderr: "" };
    const output = new CommandOutput((stream, text) => {
      expect(text.isWellFormed()).toBe(true);
      shown[stream] += text;
    });
    const bytes = Buffer.from("ä€😀");
    for (const byte of bytes) {
      output.write("stdout", Buffer.from([byte]));
      output.write("stderr", Buffer.from("-"));
    }
    expect(output.end()).toEqual({ stdout: "ä€😀", stderr: "-".repeat(bytes.length) });
    expect(shown).toEqual({ stdout: "ä€😀", stderr: "-".repeat(bytes.length) });
  });

  it("shows bytes that are no text as replacement characters, the last ones too", () => {
    let shown = "";
    const output = new CommandOutput((_, text) => {
      shown += text;
    });
    output.write("stdout", Buffer.from([0x61, 0xff, 0x62, 0xe2, 0x82]));
    expect(output.end().stdout).toBe("a\ufffdb\ufffd");
    expect(shown).toBe("a\ufffdb\ufffd");
  });
});
