// Turns the bytes of a running command into text: all of it for the result, and batches for those who watch.
// Invariant: chunks are numbered without gaps and sent one request at a time; text never ends in half a character.
import { MAX_CHUNK_CHARS, type OutputChunk } from "./protocol";
import type { OutputStream } from "./sandbox/port";

/** Pause between batches: short enough to look live, long enough to make one insert of many lines. */
const BATCH_MS = 30;
const MAX_CHUNKS = 200;

/** Collects the output of one command. `send` is null when nobody watches. */
export class OutputSender {
  private readonly decoders = { stdout: createDecoder(), stderr: createDecoder() };
  private readonly texts = { stdout: [] as string[], stderr: [] as string[] };
  private queue: { stream: OutputStream; text: string }[] = [];
  private seq = 0;
  private sending: Promise<void> | null = null;
  private ending = false;
  /** Ends the pause before the next batch. */
  private hurry: () => void = () => {};

  constructor(private readonly send: ((chunks: OutputChunk[]) => Promise<void>) | null) {}

  /** Takes bytes in the order in which they were read. Bytes that are not UTF-8 become U+FFFD. */
  write(stream: OutputStream, data: Buffer): void {
    this.add(stream, this.decoders[stream].decode(data, { stream: true }));
  }

  /** Sends what is left. Resolves with the whole text; rejects with what `send` failed with. */
  async finish(): Promise<{ stdout: string; stderr: string }> {
    for (const stream of ["stdout", "stderr"] as const) this.add(stream, this.decoders[stream].decode());
    this.ending = true;
    this.hurry();
    await this.sending;
    while (this.queue.length > 0) await this.sendBatch();
    return { stdout: this.texts.stdout.join(""), stderr: this.texts.stderr.join("") };
  }

  private add(stream: OutputStream, text: string): void {
    if (text === "") return;
    this.texts[stream].push(text);
    if (!this.send) return;
    const last = this.queue.at(-1);
    if (last?.stream === stream && last.text.length + text.length <= MAX_CHUNK_CHARS) last.text += text;
    else for (const piece of cut(text)) this.queue.push({ stream, text: piece });
    if (!this.sending) {
      this.sending = this.sendSoon();
      // `finish` awaits the same promise; without this an early failure would count as unhandled until then.
      this.sending.catch(() => {});
    }
  }

  private async sendSoon(): Promise<void> {
    while (this.queue.length > 0) {
      await this.pause();
      await this.sendBatch();
    }
    this.sending = null;
  }

  /** Nothing more comes once the program has ended, and its result waits for this. */
  private pause(): Promise<void> {
    if (this.ending) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, BATCH_MS);
      this.hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async sendBatch(): Promise<void> {
    const batch = this.queue.splice(0, MAX_CHUNKS);
    const chunks = batch.map(({ stream, text }) => ({ seq: this.seq++, stream, text }));
    if (chunks.length > 0) await this.send?.(chunks);
  }
}

function createDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}

/** Cuts text into pieces of at most MAX_CHUNK_CHARS without parting a surrogate pair. */
function cut(text: string): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + MAX_CHUNK_CHARS);
    const code = text.charCodeAt(to - 1);
    if (to < text.length && code >= 0xd800 && code <= 0xdbff) to -= 1;
    pieces.push(text.slice(from, to));
    from = to;
  }
  return pieces;
}
