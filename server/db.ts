// The only place that makes database clients: one Prisma client and one pg pool a process, kept across hot reloads.
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { env } from "./env";
import { PrismaClient } from "./generated/prisma/client";

export type Db = PrismaClient;
/** A client inside a transaction. */
export type Tx = Omit<PrismaClient, "$connect" | "$disconnect" | "$on" | "$transaction" | "$extends">;

/** A client for the database at `url`. `connections` is the size of its pool. */
export function connect(url: string, connections = 20): Db {
  const adapter = new PrismaPg({
    connectionString: url,
    max: connections,
    idleTimeoutMillis: 60_000,
    // An exhausted pool or an unreachable server is a 503 in time, not a request that hangs.
    connectionTimeoutMillis: 10_000,
  });
  return new PrismaClient({ adapter, transactionOptions: { maxWait: 10_000, timeout: 20_000 } });
}

/** A connection of its own for LISTEN; not yet connected. */
export function listeningClient(url: string): pg.Client {
  return new pg.Client({
    connectionString: url,
    application_name: "fabrica-listen",
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
  });
}

const shared = globalThis as unknown as { fabricaDb?: Db };

/** The client of this process. */
export function db(): Db {
  shared.fabricaDb ??= connect(env().DATABASE_URL);
  return shared.fabricaDb;
}
