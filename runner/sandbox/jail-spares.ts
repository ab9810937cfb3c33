// Jails made ahead of their commands, so that a command need not wait for one.
// Invariant: a jail is handed out once, and only while it lives; after `close` nothing of one is left.
import type { JailProcess } from "./jail-process";

/** A short command is over by then, so the making of the next jail does not slow it down. */
const AFTER_MS = 5;

/** `repository`: /git can be seen, for the runner's own scripts. */
export type JailKind = "plain" | "repository";

/** Two, because commands come in twos and threes: what an agent asked for in one answer runs without a pause. */
const PLAIN = 2;
const REPOSITORY = 1;

/**
 * Keeps a few jails in waiting; one that sees /git only once such a command was there.
 * A jail waits as the sandbox's unprivileged user behind every wall that its command will have (namespaces, mounts,
 * filter, groups), holds nothing of another command, and is out of sight of all others in process and network
 * namespaces of its own: making it early takes nothing away from any of them. What it shares with a running command,
 * /work and /tmp, it does not read before its order, which comes over a descriptor of its own from the runner.
 */
export class SpareJails {
  private readonly waiting: Record<JailKind, JailProcess[]> = { plain: [], repository: [] };
  private readonly wanted: Record<JailKind, number> = { plain: PLAIN, repository: 0 };
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly make: (kind: JailKind) => JailProcess) {}

  /** The jail in waiting, which is the caller's from now on; null when there is none or it has died. */
  take(kind: JailKind): JailProcess | null {
    if (kind === "repository") this.wanted.repository = REPOSITORY;
    return this.alive(kind).shift() ?? null;
  }

  /** Makes what is missing. */
  prepare(): void {
    this.postpone();
    if (this.closed) return;
    for (const kind of ["plain", "repository"] as const) {
      const jails = this.alive(kind);
      try {
        while (jails.length < this.wanted[kind]) jails.push(this.make(kind));
      } catch {
        // The next command tries for itself, and is told what is wrong.
      }
    }
  }

  /** Makes what is missing in a moment. */
  prepareSoon(): void {
    if (!this.closed) this.timer ??= setTimeout(() => this.prepare(), AFTER_MS);
  }

  /** Keeps what is not yet begun from getting into the way of a command that is about to start. */
  postpone(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Kills what waits and makes no more. */
  async close(): Promise<void> {
    this.closed = true;
    this.postpone();
    const left = [...this.alive("plain"), ...this.alive("repository")];
    this.waiting.plain = [];
    this.waiting.repository = [];
    for (const jail of left) jail.kill("destroyed");
    await Promise.all(left.map((jail) => jail.end()));
  }

  private alive(kind: JailKind): JailProcess[] {
    this.waiting[kind] = this.waiting[kind].filter((jail) => !jail.hasEnded);
    return this.waiting[kind];
  }
}
