// The only place that makes database clients: one Prisma client and one pg pool a process, kept across hot reloads.
import { Socket } from "node:net";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { env } from "./env";
import { type Prisma, PrismaClient } from "./generated/prisma/client";
import { log } from "./log";

export type Db = PrismaClient;
/** A client inside a transaction. */
export type Tx = Omit<PrismaClient, "$connect" | "$disconnect" | "$on" | "$transaction" | "$extends">;

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
  const pool = new pg.Pool({
    connectionString: url,
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
  const adapter = new PrismaPg(pool, { disposeExternalPool: true });
  const transactionOptions = { maxWait: patienceMs, timeout: Math.min(20_000, silenceMs) };
  const client = new PrismaClient({ adapter, transactionOptions });
  pools.set(client, pool);
  return client;
}

/** The pool below each client, for the statements that come with every job: there Prisma would cost more than Postgres. */
const pools = new WeakMap<object, pg.Pool>();
const statementNames = new Map<string, string>();
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
  if (!pool) return at.$queryRaw<T[]>(statement);
  const { text, values } = statement;
  const name = statementNames.get(text) ?? `fabrica_${statementNames.size}`;
  statementNames.set(text, name);
  const result = await pool.query({ name, text, values, types });
  return result.rows as T[];
}

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

const shared = globalThis as unknown as { fabricaDb?: Db };

/** Whether `at` is the client of this process, and not one of a test's own database. */
export const isOfProcess = (at: Db): boolean => at === shared.fabricaDb;

/** The client of this process. */
export function db(): Db {
  shared.fabricaDb ??= connect(env().DATABASE_URL);
  return shared.fabricaDb;
}
