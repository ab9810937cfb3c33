/**
 * One more app process beside a factory's own: same database, same data folder, same secrets, another port.
 * Invariant: after `stop` it is gone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "@/tests/support/listen-apart";
import { type Factory, ROOT } from "./factory";

const START_LIMIT_MS = 60_000;
const KEPT_CHARS = 10_000;

/** The settings with which the factory's own app runs. */
function settingsOf(factory: Factory): Record<string, string> {
  const text = readFileSync(`/proc/${factory.pids().app}/environ`, "utf8");
  return Object.fromEntries(
    text
      .split("\0")
      .filter(Boolean)
      .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
}

export class SecondApp {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly said: () => string,
  ) {}

  /** Starts it and waits until it answers. `settings` win over those of the factory's app. */
  static async start(factory: Factory, settings: Record<string, string> = {}): Promise<SecondApp> {
    const port = await freePort();
    // Its life is tied to this test and not to the launcher.
    const { FABRICA_LEASH: _, ...own } = settingsOf(factory);
    const child = spawn(process.execPath, [join(ROOT, "dist/app.mjs")], {
      cwd: ROOT,
      env: { ...own, NODE_ENV: "production", PORT: String(port), ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        said = (said + chunk).slice(-KEPT_CHARS);
      });
    const app = new SecondApp(`http://127.0.0.1:${port}`, child, () => said);
    await app.untilReady();
    return app;
  }

  private async untilReady(): Promise<void> {
    for (const giveUp = Date.now() + START_LIMIT_MS; ; await pause(50)) {
      const answer = await fetch(`${this.url}/api/v1/health`).catch(() => null);
      if (answer?.ok) return;
      if (this.child.exitCode === null && Date.now() < giveUp) continue;
      await this.stop();
      throw new Error(`The second app did not start:\n${this.said()}`);
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, "exit");
    this.child.kill("SIGTERM");
    await gone;
  }
}
