// One LISTEN connection a process for everything that waits on the database. Notifications are wake-ups, never data
// that must not be lost: whoever waits reads the rows again after (re)connecting.
import pg from "pg";
import { env } from "../env";
import { log } from "../log";

/** Called with the payload, or with null after a lost connection came back: anything may have happened meanwhile. */
export type Listener = (payload: string | null) => void;

class Listening {
  private readonly listeners = new Map<string, Set<Listener>>();
  private client: pg.Client | null = null;
  private opening: Promise<void> | null = null;
  private closed = false;

  constructor(private readonly url: string) {}

  /** Resolves when the channel is being listened to; the returned function ends it. */
  async add(channel: string, listener: Listener): Promise<() => void> {
    let set = this.listeners.get(channel);
    const isNew = !set;
    if (!set) {
      set = new Set();
      this.listeners.set(channel, set);
    }
    set.add(listener);
    if (!this.client) await this.open();
    else if (isNew) await this.client.query(`LISTEN ${pg.escapeIdentifier(channel)}`).catch(() => undefined);
    return () => set.delete(listener);
  }

  private open(): Promise<void> {
    this.opening ??= this.connect().finally(() => {
      this.opening = null;
    });
    return this.opening;
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({ connectionString: this.url, keepAlive: true });
    client.on("error", () => this.lost(client));
    client.on("end", () => this.lost(client));
    client.on("notification", ({ channel, payload }) => this.tell(channel, payload ?? ""));
    await client.connect();
    this.client = client;
    for (const channel of this.listeners.keys()) await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
  }

  private tell(channel: string, payload: string | null): void {
    for (const listener of this.listeners.get(channel) ?? []) listener(payload);
  }

  private lost(client: pg.Client): void {
    if (this.client !== client) return;
    this.client = null;
    if (!this.closed) void this.reconnect();
  }

  private async reconnect(): Promise<void> {
    for (let wait = 100; !this.closed; wait = Math.min(wait * 2, 5000)) {
      try {
        await this.open();
        for (const channel of this.listeners.keys()) this.tell(channel, null);
        return;
      } catch (error) {
        log.warn({ error: String(error) }, "the listening database connection is away; trying again");
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    const client = this.client;
    this.client = null;
    await client?.end().catch(() => undefined);
  }
}

const shared = globalThis as unknown as { fabricaListening?: Listening };

/**
 * Listens on a channel of this process's database.
 * @returns a function that ends it
 */
export function listen(channel: string, listener: Listener): Promise<() => void> {
  shared.fabricaListening ??= new Listening(env().DATABASE_URL);
  return shared.fabricaListening.add(channel, listener);
}

/** Ends the connection; used when the process stops. */
export async function stopListening(): Promise<void> {
  await shared.fabricaListening?.close();
  shared.fabricaListening = undefined;
}

/**
 * Repeats `attempt` whenever `channel` says that something may have changed, until it gives a value or time is over.
 * @param wants looks at a payload; null (after a reconnect) always counts
 * @returns the value, or null when `waitMs` passed or `signal` was aborted
 */
export async function waitFor<T>(
  channel: string,
  attempt: () => Promise<T | null>,
  { waitMs, signal, wants = () => true }: { waitMs: number; signal?: AbortSignal; wants?: (payload: string) => boolean },
): Promise<T | null> {
  const first = await attempt();
  if (first !== null || waitMs <= 0) return first;
  let wake: () => void = () => undefined;
  let woken = false;
  const stop = await listen(channel, (payload) => {
    if (payload === null || wants(payload)) {
      woken = true;
      wake();
    }
  });
  const deadline = Date.now() + waitMs;
  try {
    // What came between the first look and the listening is seen by this second look.
    woken = true;
    for (;;) {
      if (woken) {
        woken = false;
        const value = await attempt();
        if (value !== null) return value;
        continue;
      }
      const left = deadline - Date.now();
      if (left <= 0 || signal?.aborted) return null;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        signal?.addEventListener("abort", wake, { once: true });
      });
    }
  } finally {
    stop();
  }
}
