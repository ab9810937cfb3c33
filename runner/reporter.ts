// What the commands of one lease print and come to, on its way to the app: one request at a time, and while it travels
// whatever comes is put together for the next one.
// Invariant: a result follows all output of its command; chunks are numbered without gaps.
import {
  type CommandResult,
  MAX_CHUNK_CHARS,
  MAX_REPORT_ITEMS,
  type OutputChunk,
  type ReportItem,
} from "./protocol";
import { failedResult } from "./run-command";
import type { OutputStream } from "./sandbox/port";
import { ServerRefusal } from "./server-client";

/** Pause between batches of output: short enough to look live, long enough to make one insert of many lines. */
const BATCH_MS = 30;
const MAX_CHUNKS = 200;
/** Results can be large; a request takes what fits and at least one item. */
const MAX_REQUEST_CHARS = 4 * 1024 * 1024;

export interface ReporterOptions {
  /** Sends items to the app; repeats what may still succeed by itself. */
  send(items: ReportItem[]): Promise<void>;
  /** The app has stored the result of a command. */
  onStored(commandId: string): void;
  /** Nothing can be sent any more. */
  onFailure(error: unknown): void;
}

/** The app is there and the lease holds, but it will not have what was sent. */
export function isRefusedContent(error: unknown): error is ServerRefusal {
  return error instanceof ServerRefusal && (error.kind === "refused" || error.kind === "too_large");
}

/** Reports of one lease. */
export class Reporter {
  private pending: ReportItem[] = [];
  private readonly nextChunk = new Map<string, number>();
  /** Commands of which the app would not have some output, and why: the rest of it would have a gap. */
  private readonly refused = new Map<string, string>();
  private sending: Promise<void> | null = null;
  private failed = false;
  /** Ends the pause before the next batch. */
  private hurry: () => void = () => {};

  constructor(private readonly options: ReporterOptions) {}

  /** Live output of a command. */
  output(commandId: string, stream: OutputStream, text: string): void {
    const last = this.open(commandId)?.chunks.at(-1);
    if (last?.stream === stream && last.text.length + text.length <= MAX_CHUNK_CHARS) last.text += text;
    else for (const piece of cut(text)) this.addChunk(commandId, stream, piece);
    this.start();
  }

  /** The end of a command; nothing of it may follow. */
  result(commandId: string, result: CommandResult): void {
    const item = this.open(commandId);
    if (item) item.result = result;
    else this.pending.push({ command_id: commandId, chunks: [], result });
    this.start();
    this.hurry();
  }

  /** Resolves when everything was sent, or nothing can be sent any more. */
  async idle(): Promise<void> {
    while (this.sending) await this.sending;
  }

  /** The item that output of a command can still go into: only the last one may be open. */
  private open(commandId: string): ReportItem | undefined {
    const last = this.pending.at(-1);
    return last?.command_id === commandId && last.result === null ? last : undefined;
  }

  private addChunk(commandId: string, stream: OutputStream, text: string): void {
    const seq = this.nextChunk.get(commandId) ?? 0;
    this.nextChunk.set(commandId, seq + 1);
    const item = this.open(commandId);
    const chunk: OutputChunk = { seq, stream, text };
    if (item && item.chunks.length < MAX_CHUNKS) item.chunks.push(chunk);
    else this.pending.push({ command_id: commandId, chunks: [chunk], result: null });
  }

  private start(): void {
    if (this.sending || this.failed) return;
    this.sending = this.sendAll()
      .catch((error: unknown) => {
        this.failed = true;
        this.options.onFailure(error);
      })
      .finally(() => {
        this.sending = null;
      });
  }

  private async sendAll(): Promise<void> {
    while (this.pending.length > 0) {
      if (!this.pending.some((item) => item.result)) await this.pause();
      await this.sendItems(this.take());
    }
  }

  /** Nothing but output waits: more of it may come at once. */
  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, BATCH_MS);
      this.hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** The items of the next request: each command once, and not too much of them. */
  private take(): ReportItem[] {
    const names = new Set<string>();
    let chars = 0;
    const end = this.pending.findIndex((item) => {
      chars += sizeOf(item);
      const full = names.size >= MAX_REPORT_ITEMS || (names.size > 0 && chars > MAX_REQUEST_CHARS);
      if (full || names.has(item.command_id)) return true;
      names.add(item.command_id);
      return false;
    });
    return this.pending.splice(0, end < 0 ? this.pending.length : end);
  }

  private async sendItems(items: ReportItem[]): Promise<void> {
    const open = items.map((item) => this.withoutRefused(item)).filter((item) => item !== null);
    if (open.length === 0) return;
    try {
      await this.options.send(open);
    } catch (error) {
      if (!isRefusedContent(error)) throw error;
      return this.sendSeparately(open, error);
    }
    for (const { command_id, result } of open) if (result) this.stored(command_id);
  }

  /** One of the items is not wanted; what it says is replaced by the reason, or the job would come back for ever. */
  private async sendSeparately(items: ReportItem[], refusal: ServerRefusal): Promise<void> {
    if (items.length > 1) {
      for (const item of items) await this.sendItems([item]);
      return;
    }
    const [item] = items;
    if (!item) return;
    const told = this.refused.has(item.command_id);
    this.refused.set(item.command_id, refusal.message);
    if (!item.result) return;
    if (told) throw refusal; // Not even the reason is taken.
    await this.sendItems(items);
  }

  private withoutRefused(item: ReportItem): ReportItem | null {
    const reason = this.refused.get(item.command_id);
    if (reason === undefined) return item;
    if (!item.result) return null;
    const result = failedResult(`The app refused what the command sent: ${reason}`);
    return { ...item, chunks: [], result };
  }

  private stored(commandId: string): void {
    this.nextChunk.delete(commandId);
    this.refused.delete(commandId);
    this.options.onStored(commandId);
  }
}

function sizeOf({ chunks, result }: ReportItem): number {
  const shown = chunks.reduce((sum, { text }) => sum + text.length, 0);
  return shown + (result ? result.stdout.length + result.stderr.length : 0);
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
