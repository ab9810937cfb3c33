// One LISTEN connection a process, shared by everything that waits for a change in the database.
// A notification is only a wake-up: after a lost connection every subscriber is told to look for itself.
import { randomBytes } from "node:crypto";
import type pg from "pg";
import { listeningClient } from "../db";
import { env } from "../env";
import { log } from "../log";
import { processWide } from "../process-wide";

export interface Subscriber {
  /** A notification arrived on the channel. */
  notify(payload: string): void;
  /** The connection was lost and is back: anything may have been missed. */
  resumed(): void;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** How often the server is asked for a word: a cut cable tells nobody, and notifications are silence most of the time. */
const PING_MS = 10_000;
/** So many pings without an answer are a lost connection. */
const SILENT_PINGS = 3;
const CHANNEL = /^[a-z_]{1,60}$/;
/** Ends a payload where several come in one notification. */
export const PAYLOAD_END = "\n";
/** A payload with the mark of the process that has told its own subscribers already. */
const MARKED = /^~([0-9a-f]+)~(.*)$/s;

export class Listener {
  private readonly channels = new Map<string, Set<Subscriber>>();
  /** Channels that the present connection listens on, or is about to. */
  private listening = new Map<string, Promise<unknown>>();
  private client: pg.Client | null = null;
  private connecting: Promise<pg.Client> | null = null;
  private retry: NodeJS.Timeout | null = null;
  private ping: NodeJS.Timeout | null = null;
  /** The latest statement on the present connection, which takes one at a time. */
  private latest: Promise<unknown> = Promise.resolve();
  private closed = false;
  private readonly mark = randomBytes(6).toString("hex");

  /** `pingMs`: time between two signs of life, in milliseconds. */
  constructor(
    private readonly url: string,
    private readonly pingMs = PING_MS,
  ) {}

  /**
   * Starts to listen. When this resolves, no later notification is missed without `resumed` being called.
   * @returns ends the subscription
   * @throws the driver's error when the database cannot be reached now
   */
  async subscribe(channel: string, subscriber: Subscriber): Promise<() => void> {
    if (!CHANNEL.test(channel)) throw new Error(`Not a channel name: ${channel}`);
    const known = this.channels.get(channel) ?? new Set();
    this.channels.set(channel, known);
    known.add(subscriber);
    const unsubscribe = () => void known.delete(subscriber);
    try {
      const client = await this.connection();
      await this.listenOn(client, channel);
    } catch (error) {
      unsubscribe();
      throw error;
    }
    return unsubscribe;
  }

  private listenOn(client: pg.Client, channel: string): Promise<unknown> {
    const { listening } = this;
    const known = listening.get(channel);
    if (known) return known;
    const begun = this.say(client, `LISTEN ${channel}`);
    listening.set(channel, begun);
    begun.catch(() => listening.delete(channel)); // The caller is told; the next one tries again.
    return begun;
  }

  private say(client: pg.Client, statement: string): Promise<unknown> {
    const begun = this.latest.then(() => client.query(statement));
    this.latest = begun.catch(() => undefined); // Whoever said it is told.
    return begun;
  }

  /**
   * Tells the subscribers of this process, without the way over the database.
   * @returns the payload for the others' notification, which this process will not hear a second time
   */
  tell(channel: string, payload: string): string {
    this.deliver(channel, payload);
    return `~${this.mark}~${payload}`;
  }

  private deliver(channel: string, payload: string): void {
    for (const subscriber of this.channels.get(channel) ?? []) subscriber.notify(payload);
  }

  private hear(channel: string, payloads: string): void {
    for (const payload of payloads.split(PAYLOAD_END)) {
      const [, mark, text] = MARKED.exec(payload) ?? [];
      if (mark !== this.mark) this.deliver(channel, text ?? payload);
    }
  }

  /** Ends the connection for good. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.retry) clearTimeout(this.retry);
    if (this.ping) clearInterval(this.ping);
    const client = this.client ?? (await this.connecting?.catch(() => null)) ?? null;
    this.client = null;
    await client?.end().catch(() => undefined); // It may have ended by itself.
  }

  private connection(): Promise<pg.Client> {
    if (this.closed) return Promise.reject(new Error("The listener is closed."));
    if (this.client) return Promise.resolve(this.client);
    this.connecting ??= this.connect().finally(() => {
      this.connecting = null;
    });
    return this.connecting;
  }

  private async connect(): Promise<pg.Client> {
    const client = listeningClient(this.url, this.pingMs * SILENT_PINGS);
    client.on("error", () => this.lost(client));
    client.on("end", () => this.lost(client));
    client.on("notification", ({ channel, payload }) => this.hear(channel, payload ?? ""));
    await client.connect();
    const listening = new Map<string, Promise<unknown>>();
    for (const channel of this.channels.keys()) {
      const begun = client.query(`LISTEN ${channel}`);
      listening.set(channel, begun);
      await begun;
    }
    this.listening = listening;
    this.client = client;
    // An answer that does not come breaks the socket, which is noticed there.
    this.latest = Promise.resolve();
    this.ping = setInterval(() => this.say(client, "SELECT 1").catch(() => undefined), this.pingMs);
    this.ping.unref();
    return client;
  }

  private lost(client: pg.Client): void {
    if (this.client !== client || this.closed) return;
    this.client = null;
    if (this.ping) clearInterval(this.ping);
    log.warn("The connection for notifications was lost; connecting again.");
    this.reconnect(FIRST_RETRY_MS);
  }

  private reconnect(afterMs: number): void {
    this.retry = setTimeout(() => {
      this.connection().then(
        () => {
          for (const known of this.channels.values()) for (const subscriber of known) subscriber.resumed();
        },
        () => {
          if (!this.closed) this.reconnect(Math.min(afterMs * 2, LAST_RETRY_MS));
        },
      );
    }, afterMs);
    this.retry.unref();
  }
}

/** The listener of this process. */
export function listener(): Listener {
  return processWide("listener", () => new Listener(env().DATABASE_URL));
}
