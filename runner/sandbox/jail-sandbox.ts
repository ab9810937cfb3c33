// The sandbox of one job: its folder, its control group, the commands that run and the jail that waits for the next.
// Invariant: a command runs at most once; what a jail did not take is run in another, what it took is never repeated.
import { setTimeout as delay } from "node:timers/promises";
import type { SandboxLimits } from "../protocol";
import type { Cgroup } from "./cgroups";
import { runJail } from "./jail";
import { jailCommand, orderText } from "./jail-command";
import type { JailSetup } from "./jail-host";
import { JailProcess, OrderNotTakenError } from "./jail-process";
import { SpareJail } from "./jail-spare";
import { removeJobFolder } from "./job-folder";
import { type ExecOutcome, type ExecRequest, type Sandbox, SandboxError } from "./port";

/** What `create` has made for a sandbox, which removes it. */
export interface JailParts {
  setup: JailSetup;
  limits: SandboxLimits;
  folder: string;
  cgroup: Cgroup | null;
  onGone(): void;
}

/** A live sandbox of the bubblewrap driver. */
export class JailSandbox implements Sandbox {
  private readonly stop = new AbortController();
  private readonly running = new Set<Promise<unknown>>();
  private readonly spare = new SpareJail(() => this.makeJail(false));
  private destroyed: Promise<void> | null = null;

  constructor(private readonly parts: JailParts) {
    this.spare.prepareSoon();
  }

  async exec(request: ExecRequest): Promise<ExecOutcome> {
    if (this.stop.signal.aborted) throw new SandboxError("The sandbox was destroyed.", true);
    const run = this.carryOut(request, orderText(request));
    this.running.add(run);
    try {
      return await run;
    } finally {
      this.running.delete(run);
    }
  }

  destroy(): Promise<void> {
    this.destroyed ??= this.tearDown();
    return this.destroyed;
  }

  private async carryOut(request: ExecRequest, order: string): Promise<ExecOutcome> {
    const context = {
      cgroup: this.parts.cgroup,
      signal: this.stop.signal,
      othersRunning: () => this.running.size > 1,
    };
    // A jail in waiting does not see /git.
    const waiting = request.repository ? null : this.spare.take();
    this.spare.prepareSoon();
    try {
      return await runJail(waiting ?? this.makeJail(request.repository === true), request, order, context);
    } catch (error) {
      if (!waiting || !(error instanceof OrderNotTakenError)) throw error;
      return await runJail(this.makeJail(false), request, order, context);
    } finally {
      this.spare.prepare();
    }
  }

  private makeJail(repository: boolean): JailProcess {
    const { setup, folder, limits, cgroup } = this.parts;
    return new JailProcess(jailCommand(setup, folder, limits, repository, cgroup?.joinFiles ?? []));
  }

  private async tearDown(): Promise<void> {
    const { cgroup, folder, onGone } = this.parts;
    this.stop.abort();
    await Promise.allSettled([...this.running, this.spare.close()]);
    // A killed program leaves its group within milliseconds; the group can only be removed when it is empty.
    for (let round = 0; cgroup && !cgroup.remove() && round < 200; round++) await delay(5);
    await removeJobFolder(folder);
    onGone();
  }
}
