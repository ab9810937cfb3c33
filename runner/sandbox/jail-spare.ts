// One jail made ahead of its command, so that a command need not wait for it.
// Invariant: a jail is handed out once, and only while it lives; after `close` nothing of one is left.
import type { JailProcess } from "./jail-process";

/** A short command is over by then, so the making of the next jail does not slow it down. */
const AFTER_MS = 5;

/**
 * Keeps one jail in waiting. It waits as the sandbox's unprivileged user behind every wall that its command will have
 * (namespaces, mounts, filter, groups), holds nothing of another command, and is out of sight of all others in
 * process and network namespaces of its own: making it early takes nothing away from any of them. What it shares with
 * the running command, /work and /tmp, it does not read before the order.
 */
export class SpareJail {
  private jail: JailProcess | null = null;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly make: () => JailProcess) {}

  /** The jail in waiting, which is the caller's from now on; null when there is none or it has died. */
  take(): JailProcess | null {
    const { jail } = this;
    this.jail = null;
    return jail?.hasEnded ? null : jail;
  }

  /** Makes a jail unless one waits. */
  prepare(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.closed || (this.jail && !this.jail.hasEnded)) return;
    try {
      this.jail = this.make();
    } catch {
      // The next command tries for itself, and is told what is wrong.
      this.jail = null;
    }
  }

  /** Makes one in a moment. */
  prepareSoon(): void {
    if (!this.closed) this.timer ??= setTimeout(() => this.prepare(), AFTER_MS);
  }

  /** Kills the jail in waiting and makes no other. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    const jail = this.take();
    jail?.kill("destroyed");
    await jail?.end();
  }
}
