/**
 * Puts the engine together and takes it apart. Nothing is global: tests run several in one process.
 */
import type { AddressInfo } from "node:net";
import pg from "pg";
import { type Logger, pino } from "pino";
import { emitInternal } from "./accept-event";
import { createApiServer } from "./api-server";
import { createSdkClient } from "./call-sdk";
import { Dispatcher } from "./dispatcher";
import type { Engine } from "./engine-state";
import { fireTimer, timerHolds } from "./fire-timer";
import { Journal } from "./journal";
import { recover } from "./recover";
import { Retention } from "./retention";
import { Session } from "./session";
import { createSigner } from "./signatures";
import { AppSync } from "./sync-app";
import { Timers } from "./timers";
import { WaitIndex } from "./wait-index";

const LOCK_WAIT_MS = 15_000;
const RETENTION_DAYS = 7;

/** How to start an engine. */
export interface EngineOptions {
  /** A migrated database. */
  databaseUrl: string;
  /** The SDK's serve URL, such as http://127.0.0.1:9000/api/inngest. */
  appUrl: string;
  host?: string;
  /** 0 takes a free one. */
  port?: number;
  /** Without it nothing is signed; allowed on loopback addresses only. */
  signingKey?: string;
  eventKey?: string;
  /** Multiplies retry delays; tests shrink them. */
  backoffScale?: number;
  /** Finished runs, their steps and events are removed after so many days; 0 keeps them for ever. */
  retentionDays?: number;
  /** The clock, in milliseconds since 1970. */
  now?(): number;
  /** How long to wait for an engine that is ending to let go of the database, in milliseconds. */
  lockWaitMs?: number;
  log?: Logger;
  /** Told when the engine cannot go on: another engine has the database, or it refuses what is written. */
  onFatal?(error: unknown): void;
}

/** A running engine. */
export interface RunningEngine {
  url: string;
  close(): Promise<void>;
}

/** Starts an engine; resolves once it listens. Unfinished runs go on at once. */
export async function startEngine(options: EngineOptions): Promise<RunningEngine> {
  const host = options.host ?? "127.0.0.1";
  if (!options.signingKey && !["127.0.0.1", "::1", "localhost"].includes(host)) {
    throw new Error("Without ENGINE_SIGNING_KEY the engine listens on a loopback address only.");
  }
  const log = options.log ?? pino({ level: "silent" });
  const now = options.now ?? Date.now;
  const signer = options.signingKey ? createSigner(options.signingKey) : undefined;
  const client = createSdkClient(signer, now);
  const onTrouble = (error: unknown) => log.warn({ err: error }, "database trouble");
  const session = new Session(options.databaseUrl, onTrouble, options.lockWaitMs ?? LOCK_WAIT_MS);
  const reader = new pg.Pool({
    connectionString: options.databaseUrl,
    max: 2,
    idleTimeoutMillis: 0,
    application_name: "fabrica-engine",
  });
  reader.on("error", onTrouble);
  let healthy = true;
  const journal = new Journal(session, (error) => {
    if (!healthy) return;
    healthy = false;
    log.fatal({ err: error }, "the engine cannot go on");
    options.onFatal?.(error);
  });

  const engine: Engine = {
    log,
    journal,
    timers: new Timers(
      now,
      (item, dueAt) => fireTimer(engine, item, dueAt),
      (item, dueAt) => timerHolds(engine, item, dueAt),
    ),
    waits: new WaitIndex(),
    functions: new Map(),
    runs: new Map(),
    once: new Map(),
    crons: new Map(),
    now,
    random: Math.random,
    backoffScale: options.backoffScale ?? 1,
    dispatch: (run, key) => dispatcher.dispatch(run, key),
    emit: (event) => emitInternal(engine, event),
  };
  const sync = new AppSync({ client, appUrl: options.appUrl, log });
  const dispatcher = new Dispatcher(engine, {
    client,
    reader,
    appUrl: options.appUrl,
    onReached: () => sync.request(),
  });
  const retention = new Retention(engine, reader, options.retentionDays ?? RETENTION_DAYS);
  const server = createApiServer(engine, {
    reader,
    signer,
    eventKey: options.eventKey,
    kind: client.kind,
    requestSync: () => sync.request(),
    isHealthy: () => healthy,
  });

  const close = async () => {
    healthy = false;
    sync.close();
    retention.close();
    engine.timers.close();
    dispatcher.close();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    client.close();
    await Promise.race([journal.commit().catch(() => undefined), pause(1000)]);
    await Promise.race([Promise.all([closed, session.close(), reader.end()]), pause(500)]);
  };

  try {
    await session.open();
    await recover(engine, reader);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.port ?? 0, host, resolve);
    });
  } catch (error) {
    await close();
    throw error;
  }
  dispatcher.open();
  sync.request();
  retention.start();
  const { port } = server.address() as AddressInfo;
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, close };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
