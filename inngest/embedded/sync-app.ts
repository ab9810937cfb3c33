/**
 * Asks the app to register its functions, again and again until it has: the app may start after the engine.
 */
import type { Logger } from "pino";
import { unreachableMs } from "./backoff";
import type { SdkClient } from "./call-sdk";
import { canonicalize } from "./canonical-json";

/** Keeps the engine's list of functions in step with the app. */
export class AppSync {
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private running = false;
  private closed = false;
  private lastProblem = "";

  constructor(private readonly options: { client: SdkClient; appUrl: string; log: Logger }) {}

  /** Starts a round of asking, unless one is under way. */
  request(): void {
    if (this.running || this.closed) return;
    this.running = true;
    this.failures = 0;
    void this.ask();
  }

  private async ask(): Promise<void> {
    const { client, appUrl, log } = this.options;
    const answer = await client.send(appUrl, "PUT", canonicalize({ url: appUrl }), {}, () => undefined);
    if (this.closed) return;
    if (answer.kind === "answered" && answer.status === 200) {
      this.running = false;
      this.lastProblem = "";
      return;
    }
    const problem =
      answer.kind === "answered" ? `${answer.status} ${answer.body.slice(0, 500)}` : answer.message;
    if (problem !== this.lastProblem) log.warn({ app: appUrl, problem }, "app not synced yet");
    this.lastProblem = problem;
    this.timer = setTimeout(() => void this.ask(), unreachableMs(this.failures++));
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }
}
