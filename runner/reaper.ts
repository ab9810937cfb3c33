// Removes sandboxes that nobody owns: once at start (a predecessor was killed) and every minute.
import type { Log } from "./log";
import type { SandboxDriver } from "./sandbox/port";

const EVERY_MS = 60_000;

/** Reaps now and then until `stop` is called. The first round is awaited by the caller. */
export async function startReaper(driver: SandboxDriver, log: Log): Promise<{ stop: () => void }> {
  const round = async () => {
    const removed = await driver.reap();
    if (removed > 0) log(`removed ${removed} sandbox${removed === 1 ? "" : "es"} that nobody owned`);
  };
  await round();
  const timer = setInterval(() => {
    round().catch((error: unknown) => log(`looking for left sandboxes failed: ${String(error)}`));
  }, EVERY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
