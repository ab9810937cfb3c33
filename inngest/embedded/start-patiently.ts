/**
 * Starts the engine as soon as its database answers. A database that is just starting again is no fault of the engine:
 * ending for it would make whoever supervises the engine wait longer each time, and give up at last.
 */
import { type EngineOptions, type RunningEngine, startEngine } from "./start-engine";

const LIMIT_MS = 120_000;
const RETRY_MS = 200;
/** Nobody listens there, or it went away while we spoke. */
const GONE = ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT"];
/** SQLSTATE: connection failures, too many connections, and a server that is shutting down or starting up. */
const NOT_NOW = /^(08|53300|57P0[1-3])/;

/**
 * @param limitMs how long the database may be away
 * @throws what starting throws for any other reason, at once
 */
export async function startPatiently(options: EngineOptions, limitMs = LIMIT_MS): Promise<RunningEngine> {
  const giveUp = Date.now() + limitMs;
  for (let tries = 1; ; tries++) {
    try {
      return await startEngine(options);
    } catch (error) {
      if (!isAway(error) || Date.now() > giveUp) throw error;
      if (tries === 1) options.log?.warn({ err: error }, "waiting for the database");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function isAway(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: string };
  if (typeof code === "string") return GONE.includes(code) || NOT_NOW.test(code);
  return /connection terminated/i.test(message ?? "");
}
