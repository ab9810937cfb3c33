// The only place that makes database clients: one Prisma client and one pg pool a process, kept across hot reloads.
import { Socket } from "node:net";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { env } from "./env";
import { type Prisma, PrismaClient } from "./generated/prisma/client";
import { log } from "./log";
import { processWide } from "./process-wide";
import type { Statement } from "./template";

export type Db = PrismaClient;
/** A client inside a transaction. One that is not is refused: locks would be let go behind each statement. */
export type Tx = Omit<PrismaClient, "$connect" | "$disconnect" | "$on" | "$transaction" | "$extends"> & {
  $connect?: never;
};

/** How long a request waits for a free connection, in milliseconds. */
const PATIENCE_MS = 5_000;
/** A server that says nothing for so many times the patience is taken for gone: longer than any lock is held. */
const SILENCE = 5;

/**
 * A client for the database at `url`. Whoever cannot be served is refused in time: an exhausted pool, a server that
 * refuses and one that is silent all end in an error that `toAppError` calls `unavailable`.
 * @param connections size of the pool
 * @param patienceMs longest wait for a free connection
 */
export function connect(url: string, connections = 20, patienceMs = PATIENCE_MS): Db {
  const silenceMs = patienceMs * SILENCE;
  const pool = poolFor(url, connections, patienceMs);
  const queue = poolFor(url, Math.min(connections, QUEUE_CONNECTIONS), patienceMs, FOR_QUEUE);
  const end = pool.end.bind(pool) as () => Promise<void>;
  // Prisma ends the pool that it was given, and with it goes the other one.
  Object.assign(pool, { end: () => Promise.all([queue.end(), end()]) });
  const adapter = new PrismaPg(pool, { disposeExternalPool: true });
  const transactionOptions = { maxWait: patienceMs, timeout: Math.min(20_000, silenceMs) };
  const client = new PrismaClient({ adapter, transactionOptions });
  pools.set(client, pool);
  queuePools.set(client, queue);
  return client;
}

/** @param further settings of its connections */
function poolFor(url: string, connections: number, patienceMs: number, further: pg.PoolConfig = {}): pg.Pool {
  const silenceMs = patienceMs * SILENCE;
  const pool = new pg.Pool({
    connectionString: url,
    ...further,
    max: connections,
    keepAlive: true,
    // Idle ones are closed before their silence could be mistaken for a lost server.
    idleTimeoutMillis: silenceMs * 0.8,
    connectionTimeoutMillis: patienceMs,
    stream: () => impatientSocket(silenceMs),
  });
  // A connection that breaks while nobody uses it is replaced; without a listener it would end the process.
  pool.on("error", (error) => log.warn({ error: String(error) }, "an idle connection to the database broke"));
  // So would one that breaks between two statements of a transaction: the next of them then fails.
  pool.on("connect", (client) =>
    client.on("error", (error) => log.warn({ error: String(error) }, "a connection to the database broke")),
  );
  return pool;
}

/**
 * What the queue does to its tables is planned once a connection. Left to itself Postgres compares such a plan with ones
 * for the values at hand, and may plan anew each time for ever, which costs more than the statement; what is planned
 * while the tables are empty must use their indexes all the same, and nothing of it is worth compiling.
 */
const PLANNED_ONCE = ["seqscan", "bitmapscan", "hashjoin", "mergejoin"]
  .map((way) => `-c enable_${way}=off`)
  .concat("-c plan_cache_mode=force_generic_plan", "-c jit=off")
  .join(" ");
/** A statement may be sent before the one ahead of it is answered (runBehind). */
const FOR_QUEUE: pg.PoolConfig = { options: PLANNED_ONCE, pipeline: true };
/** Statements of few kinds, of which two are under way at once (gather.ts). */
const QUEUE_CONNECTIONS = 8;

const { pools, queuePools, ahead, statementNames } = processWide("database", () => ({
  /** The pool below each client, for the statements that come with every job: there Prisma would cost more than Postgres. */
  pools: new WeakMap<object, pg.Pool>(),
  /** The one for those of the queue. */
  queuePools: new WeakMap<object, pg.Pool>(),
  /** What runAhead has under way. */
  ahead: new WeakMap<pg.Pool, Held>(),
  /** By text: a name stands for one text on every connection. */
  statementNames: new Map<string, string>(),
}));
const own = processWide<{ db?: Db }>("own-database", () => ({}));
const INT8 = 20;
/** Values as Prisma gives them: an int8 is a bigint. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    oid === INT8 ? BigInt : pg.types.getTypeParser(oid, format as "text"),
};

/**
 * Runs one statement. Outside a transaction it goes straight to the driver and is prepared once a connection, so its
 * text must be one of few: whatever varies is a parameter.
 * @returns its rows, columns named as in the database
 */
export async function runStatement<T>(at: Db | Tx, statement: Prisma.Sql): Promise<T[]> {
  const pool = pools.get(at);
  return pool ? runIn(pool, statement) : at.$queryRaw<T[]>(statement);
}

/**
 * The same for a statement of the queue that stands alone: found by keys and indexes whatever its values are, so that one
 * plan is the best for all of them.
 */
export function runPlanned<T>(at: Db, statement: Statement): Promise<T[]> {
  const pool = queuePools.get(at);
  return pool ? runIn(pool, statement) : runByPrisma(at, statement);
}

/**
 * The same, with a door held open: `sent` is called when the statement is on its way, and until it is answered `runBehind`
 * sends others down its connection. `last` goes behind all of them and is waited for.
 */
export async function runAhead<T>(
  at: Db,
  statement: Statement,
  { sent, last }: { sent: () => void; last: Statement },
): Promise<T[]> {
  const pool = queuePools.get(at);
  if (!pool) {
    const rows = await runByPrisma<T>(at, statement);
    await runByPrisma(at, last);
    return rows;
  }
  const held = hold(await pool.connect());
  // Kept until the last one is sent.
  held.open++;
  try {
    const answer = askIn<T>(held, statement);
    ahead.set(pool, held);
    sent();
    const rows = await answer.finally(() => ahead.get(pool) === held && ahead.delete(pool));
    await askIn(held, last);
    return rows;
  } finally {
    leave(held);
  }
}

/**
 * As runPlanned, but right behind the statement that `runAhead` has under way, if there is one: it finds what that one has
 * committed without the way to this process and back.
 */
export function runBehind<T>(at: Db, statement: Statement): Promise<T[]> {
  const pool = queuePools.get(at);
  const held = pool && ahead.get(pool);
  return held ? askIn(held, statement) : runPlanned(at, statement);
}

/** A connection, and how many statements of it are not answered. */
interface Held {
  client: pg.PoolClient;
  open: number;
  broken?: Error;
}
const hold = (client: pg.PoolClient): Held => ({ client, open: 0 });

const runByPrisma = <T>(at: Db, { text, values }: Statement): Promise<T[]> =>
  at.$queryRawUnsafe<T[]>(text, ...values);

async function runIn<T>(pool: pg.Pool, statement: Statement): Promise<T[]> {
  return askIn(hold(await pool.connect()), statement);
}

/** The last statement to be answered gives the connection back. */
async function askIn<T>(held: Held, { text, values }: Statement): Promise<T[]> {
  const name = statementNames.get(text) ?? `fabrica_${statementNames.size}`;
  statementNames.set(text, name);
  held.open++;
  try {
    const result = await held.client.query({ name, text, values: values as unknown[], types });
    return result.rows as T[];
  } catch (error) {
    if (!wasRefused(error)) held.broken = error as Error;
    throw error;
  } finally {
    leave(held);
  }
}

function leave(held: Held): void {
  // The pool by itself gives up a connection after any error, and with it everything that was planned there.
  if (--held.open === 0) held.client.release(held.broken);
}

/** The server has refused the statement and waits for the next one. */
const wasRefused = (error: unknown) => (error as { severity?: unknown } | null)?.severity === "ERROR";

/** Breaks by itself after a long silence. The pool then drops its connection, so that nobody meets it again. */
function impatientSocket(silenceMs: number): Socket {
  const socket = new Socket();
  const gone = Object.assign(new Error("The database was silent for too long."), { code: "ETIMEDOUT" });
  return socket.setTimeout(silenceMs, () => socket.destroy(gone));
}

/** A connection of its own for LISTEN; not yet connected. It breaks after `silenceMs` without a word of the server. */
export function listeningClient(url: string, silenceMs: number): pg.Client {
  return new pg.Client({
    connectionString: url,
    application_name: "fabrica-listen",
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    stream: () => impatientSocket(silenceMs),
  });
}

/** Whether `at` is the client of this process, and not one of a test's own database. */
export const isOfProcess = (at: Db): boolean => at === own.db;

/** The client of this process. */
export function db(): Db {
  own.db ??= connect(env().DATABASE_URL);
  return own.db;
}
