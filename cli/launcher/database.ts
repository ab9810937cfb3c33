/**
 * Keeps the embedded database running for the launcher, or stands aside when DATABASE_URL names a server.
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres";
import type { LineSink } from "./log-lines";
import type { Places } from "./reachable";

const RESTART_DELAY_MS = 500;

/** A database to connect to. */
export interface Database {
  url: string;
  /** Process id of the embedded server; null for a server of somebody else. */
  pid(): number | null;
  stop(): Promise<void>;
}

/** Folder of the embedded cluster. */
export function clusterFolder(places: Places): string {
  return join(places.sharedDir, "postgres");
}

/** Starts the embedded database and starts it again, on the same port, whenever it ends by itself. */
export async function keepDatabase(
  databaseUrl: string | null,
  places: Places,
  sink: LineSink,
): Promise<Database> {
  if (databaseUrl) return { url: databaseUrl, pid: () => null, stop: async () => undefined };
  let server = await startEmbeddedPostgres({ dataDir: clusterFolder(places) });
  const { url, port } = server;
  let stopping = false;
  const watch = (running: EmbeddedPostgres) => {
    running.exited.then(async () => {
      while (!stopping) {
        sink("fabrica", `postgres ended; starting it again in ${RESTART_DELAY_MS} ms`);
        await pause(RESTART_DELAY_MS);
        if (stopping) return;
        try {
          server = await startEmbeddedPostgres({ dataDir: clusterFolder(places), port });
          return watch(server);
        } catch (error) {
          sink("fabrica", `postgres did not start: ${error instanceof Error ? error.message : error}`);
        }
      }
    });
  };
  watch(server);
  return {
    url,
    pid: () => server.pid,
    stop: async () => {
      stopping = true;
      await server.stop();
    },
  };
}
