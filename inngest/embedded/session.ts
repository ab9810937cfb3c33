/**
 * The one database connection that may write engine state. It holds an advisory lock, so two engines never
 * write to one database; when the connection is lost it is made again, lock first.
 */
import pg from "pg";

const LOCK = 72_707_370;
const RETRY_MS = 200;

/** Another engine holds this database. */
class EngineLockedError extends Error {}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** SQLSTATE classes that pass by themselves: connection, resources (disk full), shutdown, system, read-only. */
function passes(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== "string" || !/^[0-9A-Z]{5}$/.test(code)) return true;
  return ["08", "40", "53", "57", "58"].includes(code.slice(0, 2)) || code === "25006";
}

/** Runs statements on the locked connection, outliving restarts of the database. */
export class Session {
  private client: pg.Client | undefined;
  private closed = false;

  constructor(
    private readonly url: string,
    private readonly onTrouble: (error: unknown) => void,
    private readonly lockWaitMs: number,
  ) {}

  /** Connects and takes the lock. Throws when another engine keeps it. */
  async open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: "fabrica-engine",
      keepAlive: true,
    });
    client.on("error", (error) => {
      if (this.client === client) this.client = undefined;
      if (!this.closed) this.onTrouble(error);
    });
    await client.connect();
    try {
      await this.lock(client);
      // The tables are tiny or huge, never in between; a stale estimate must not choose a scan.
      await client.query("SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off");
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.client = client;
  }

  private async lock(client: pg.Client): Promise<void> {
    for (let waited = 0; ; waited += RETRY_MS) {
      const { rows } = await client.query<{ locked: boolean }>("SELECT pg_try_advisory_lock($1) AS locked", [
        LOCK,
      ]);
      if (rows[0]?.locked) return;
      if (waited >= this.lockWaitMs) throw new EngineLockedError("Another engine works on this database.");
      await pause(RETRY_MS);
    }
  }

  /**
   * Runs an idempotent statement until the database has confirmed it. Throws only what no repetition mends:
   * a statement the database refuses, a lock another engine has taken, or `close`.
   */
  async execute(query: pg.QueryConfig): Promise<void> {
    for (;;) {
      try {
        if (this.closed) throw new EngineLockedError("The engine is closed.");
        if (!this.client) await this.open();
        await this.client!.query(query);
        return;
      } catch (error) {
        if (error instanceof EngineLockedError || !passes(error)) throw error;
        this.onTrouble(error);
        await this.client?.end().catch(() => undefined);
        this.client = undefined;
        await pause(RETRY_MS);
      }
    }
  }

  /** Gives up the lock and the connection. */
  async close(): Promise<void> {
    this.closed = true;
    await this.client?.end().catch(() => undefined);
  }
}
