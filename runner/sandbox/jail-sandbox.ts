// The sandbox of one job: its folder, its control group, the commands that run and the jails that wait for the next.
// Invariant: a command runs at most once; what a jail did not take is run in another, what it took is never repeated.
import { setTimeout as delay } from "node:timers/promises";
import { linkGateway } from "../network/link-gateway";
import type { SandboxLimits } from "../protocol";
import type { Cgroup } from "./cgroups";
import { type JailContext, runJail } from "./jail";
import { jailCommand, orderText } from "./jail-command";
import type { JailSetup } from "./jail-host";
import { openJailNetwork } from "./jail-network";
import { JailProcess, OrderNotTakenError } from "./jail-process";
import { type JailKind, SpareJails } from "./jail-spares";
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
  private readonly spares = new SpareJails((kind) => this.makeJail(kind));
  /** Jails that have not yet taken their order. */
  private readonly starting = new Set<JailProcess>();
  private destroyed: Promise<void> | null = null;

  constructor(private readonly parts: JailParts) {
    this.spares.prepareSoon();
  }

  async exec(request: ExecRequest): Promise<ExecOutcome> {
    if (this.stop.signal.aborted) throw new SandboxError("The sandbox was destroyed.", true);
    const run = request.network
      ? this.carryOutWithNetwork(request)
      : this.carryOut(request, orderText(request));
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
    const context = this.context();
    const kind = request.repository ? "repository" : "plain";
    const waiting = this.spares.take(kind);
    this.spares.postpone();
    try {
      return await this.runIn(waiting ?? this.makeJail(kind), request, order, context);
    } catch (error) {
      if (!waiting || !(error instanceof OrderNotTakenError)) throw error;
      return await this.runIn(this.makeJail(kind), request, order, context);
    } finally {
      if (this.starting.size === 0) this.spares.prepare();
    }
  }

  /** Such a jail has one more descriptor, so none waits for it. */
  private async carryOutWithNetwork(request: ExecRequest): Promise<ExecOutcome> {
    const { gateway, relay } = openJailNetwork(this.parts.setup.network, request.network);
    const order = orderText(request, relay);
    const jail = this.makeJail(request.repository ? "repository" : "plain", true);
    if (jail.channel) linkGateway(gateway, jail.channel);
    try {
      const outcome = await this.runIn(jail, request, order, this.context());
      return { ...outcome, network: gateway.report() };
    } finally {
      gateway.close();
    }
  }

  private context(): JailContext {
    return {
      cgroup: this.parts.cgroup,
      signal: this.stop.signal,
      othersRunning: () => this.running.size > 1,
    };
  }

  /** Jails for later are made only when no command waits for its own. */
  private async runIn(
    jail: JailProcess,
    request: ExecRequest,
    order: string,
    context: JailContext,
  ): Promise<ExecOutcome> {
    this.starting.add(jail);
    jail.onTaken = () => {
      this.starting.delete(jail);
      if (this.starting.size === 0) this.spares.prepareSoon();
    };
    try {
      return await runJail(jail, request, order, context);
    } finally {
      this.starting.delete(jail);
    }
  }

  private makeJail(kind: JailKind, withNetwork = false): JailProcess {
    const { setup, folder, limits, cgroup } = this.parts;
    const joinFiles = cgroup?.joinFiles ?? [];
    const command = jailCommand(setup, folder, limits, kind === "repository", joinFiles);
    return new JailProcess(command, withNetwork);
  }

  private async tearDown(): Promise<void> {
    const { cgroup, folder, onGone } = this.parts;
    this.stop.abort();
    await Promise.allSettled([...this.running, this.spares.close()]);
    // A killed program leaves its group within milliseconds; the group can only be removed when it is empty.
    for (let round = 0; cgroup && !cgroup.remove() && round < 200; round++) await delay(5);
    await removeJobFolder(folder);
    onGone();
  }
}
