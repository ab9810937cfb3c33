// An agent's events on their way to the app: in order, numbered within the lease, a batch at a time.
import { setTimeout as delay } from "node:timers/promises";
import { type ExternalEvent, MAX_EVENTS } from "../protocol";
import { ServerRefusal } from "../server-client";

/** Short enough to look live. */
const BATCH_MS = 100;
/** An agent that says more than can be sent is not heard in full. */
const MAX_WAITING = 2_000;
const TOO_MANY = "(more events at once than can be sent)";

export interface EventSenderOptions {
  /** Sends events from number `first` on; repeats what may still succeed by itself. @returns the next number */
  send(first: number, events: ExternalEvent[]): Promise<number>;
  /** Nothing can be sent any more. */
  onFailure(error: unknown): void;
}

/** The events of one lease. */
export class EventSender {
  private waiting: ExternalEvent[] = [];
  private dropped = 0;
  private next = 0;
  private sending: Promise<void> | null = null;
  private failed = false;

  constructor(private readonly options: EventSenderOptions) {}

  add(event: ExternalEvent): void {
    if (this.failed) return;
    if (this.waiting.length >= MAX_WAITING) this.dropped += 1;
    else this.waiting.push(event);
    this.sending ??= this.sendAll()
      .catch((error: unknown) => {
        this.failed = true;
        this.options.onFailure(error);
      })
      .finally(() => {
        this.sending = null;
      });
  }

  /** Resolves when everything was sent, or nothing can be sent any more. */
  async idle(): Promise<void> {
    while (this.sending) await this.sending;
  }

  private async sendAll(): Promise<void> {
    await delay(BATCH_MS);
    while (this.waiting.length > 0) {
      await this.sendSome(this.waiting.splice(0, MAX_EVENTS));
      if (this.waiting.length > 0 || this.dropped === 0) continue;
      this.waiting.push({ type: "invalid", count: this.dropped, sample: TOO_MANY });
      this.dropped = 0;
    }
  }

  /** What the app will not have is left out; the others keep their order. */
  private async sendSome(events: ExternalEvent[]): Promise<void> {
    try {
      this.next = await this.options.send(this.next, events);
    } catch (error) {
      const unwanted =
        error instanceof ServerRefusal && (error.kind === "refused" || error.kind === "too_large");
      if (!unwanted) throw error;
      if (events.length === 1) return;
      const half = Math.ceil(events.length / 2);
      await this.sendSome(events.slice(0, half));
      await this.sendSome(events.slice(half));
    }
  }
}
