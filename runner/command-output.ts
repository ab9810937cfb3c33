// Turns the bytes of a running command into text: all of it for the result, and piece by piece for those who watch.
// Invariant: text never ends in half a character.
import type { OutputStream } from "./sandbox/port";

/** Collects the output of one command. `show` is null when nobody watches. */
export class CommandOutput {
  private readonly decoders = { stdout: createDecoder(), stderr: createDecoder() };
  private readonly texts = { stdout: [] as string[], stderr: [] as string[] };

  constructor(private readonly show: ((stream: OutputStream, text: string) => void) | null) {}

  /** Takes bytes in the order in which they were read. Bytes that are not UTF-8 become U+FFFD. */
  write(stream: OutputStream, data: Buffer): void {
    this.add(stream, this.decoders[stream].decode(data, { stream: true }));
  }

  /** Nothing more comes. Returns the whole text. */
  end(): { stdout: string; stderr: string } {
    for (const stream of ["stdout", "stderr"] as const) this.add(stream, this.decoders[stream].decode());
    return { stdout: this.texts.stdout.join(""), stderr: this.texts.stderr.join("") };
  }

  private add(stream: OutputStream, text: string): void {
    if (text === "") return;
    this.texts[stream].push(text);
    this.show?.(stream, text);
  }
}

function createDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}
