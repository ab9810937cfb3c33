/**
 * The engine process: reads its environment, starts, says where it listens, stops at SIGTERM or SIGINT.
 */
import { pino } from "pino";
import { readEngineEnv } from "./env";
import { armFaultPoint } from "./fault-points";
import { startPatiently } from "./start-patiently";

async function main(): Promise<void> {
  const env = readEngineEnv();
  armFaultPoint(env.ENGINE_FAULT_POINT);
  const log = pino({ level: env.ENGINE_LOG_LEVEL, base: { process: "engine" } });
  const engine = await startPatiently({
    databaseUrl: env.DATABASE_URL,
    appUrl: env.ENGINE_APP_URL,
    host: env.ENGINE_HOST,
    port: env.ENGINE_PORT,
    signingKey: env.ENGINE_SIGNING_KEY,
    eventKey: env.ENGINE_EVENT_KEY,
    backoffScale: env.ENGINE_BACKOFF_SCALE,
    retentionDays: env.ENGINE_RETENTION_DAYS,
    log,
    onFatal: () => process.exit(1),
  });
  log.info({ url: engine.url }, "engine listening");
  const stop = () => {
    engine.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
