// One claimed job: its sandbox, its workspace and its commands, in order, until the lease is over.
// Invariant: at most one live sandbox (7); it is destroyed at once when the lease ends, whatever is running in it.
import { type Layers, withLayer } from "./layers";
import type { Lease } from "./lease";
import type { Log } from "./log";
import type {
  ClaimAnswer,
  CommandResult,
  CommandSpec,
  CommandsAnswer,
  ExecSpec,
  LayerSpec,
} from "./protocol";
import { MAX_POLL_MS } from "./protocol";
import { isRefusedContent, Reporter } from "./reporter";
import { emptyResult, failedResult, runProgram } from "./run-command";
import {
  NoSandboxError,
  type OutputStream,
  RequestError,
  type Sandbox,
  type SandboxDriver,
  SandboxError,
} from "./sandbox/port";
import { ServerRefusal, type WorkerClient } from "./server-client";
import { bundleWorkspace, restoreWorkspace, WorkspaceError } from "./workspace";

export interface SessionOptions {
  client: WorkerClient;
  driver: SandboxDriver;
  claim: ClaimAnswer;
  lease: Lease;
  log: Log;
  /** Where dependencies are kept; without it this runner installs none. */
  layers?: Layers;
}

/** `given_back`: this worker could not work on the job, so it had better wait before it claims again. */
export type SessionEnd = "done" | "given_back";

/** Works on a job until its lease is over. Throws ServerRefusal only when the worker is not known any more. */
export async function runJob(options: SessionOptions): Promise<SessionEnd> {
  const session = new JobSession(options);
  const stop = () => void session.destroySandbox();
  options.lease.signal.addEventListener("abort", stop, { once: true });
  try {
    await session.work();
    return "done";
  } catch (error) {
    return await session.giveUp(error);
  } finally {
    options.lease.finish("finished");
    await session.destroySandbox();
  }
}

function codeOf(error: unknown): string {
  if (error instanceof WorkspaceError) return "workspace";
  return error instanceof SandboxError || error instanceof NoSandboxError ? "sandbox" : "runner";
}

/** The lease is not this worker's any more. */
function isLeaseRefusal(error: unknown): boolean {
  return error instanceof ServerRefusal && ["not_found", "stale", "over"].includes(error.kind);
}

class JobSession {
  private sandbox: Sandbox | null = null;
  private destroying: Promise<void> = Promise.resolve();
  /** The last commit that the server holds; snapshots are made on top of it. */
  private base: string | null = null;
  private hasWorkspace: boolean;
  /** How many sandboxes this lease has had. */
  private generation = 0;
  /** No command has run in the sandbox yet. */
  private isFresh = false;
  /** The dependencies that every sandbox of this lease gets from now on. */
  private layer: LayerSpec | null;
  /** Commands that were handed out and whose results the app does not have yet. */
  private readonly open = new Set<string>();
  private readonly reporter: Reporter;
  /** Rejects when the app will not hear of this lease any more. */
  private readonly refused: Promise<never>;

  constructor(private readonly options: SessionOptions) {
    const { claim, client, lease } = options;
    this.hasWorkspace = claim.has_workspace;
    this.layer = claim.layer ?? null;
    let refuse: (error: unknown) => void = () => {};
    this.refused = new Promise((_, reject) => {
      refuse = reject;
    });
    this.refused.catch(() => {});
    this.reporter = new Reporter({
      send: (items) => client.report(lease.key, items, lease.signal),
      onStored: (id) => this.open.delete(id),
      onFailure: (error) => {
        // What runs just now is of no use any more.
        if (isLeaseRefusal(error)) lease.finish("refused");
        refuse(error);
      },
    });
  }

  async work(): Promise<void> {
    const { lease } = this.options;
    await this.liveSandbox();
    let coming = this.askForCommands();
    while (!lease.signal.aborted) {
      const commands = await Promise.race([coming, this.refused]);
      for (const { command_id } of commands) this.open.add(command_id);
      // The app is asked for what comes next while these run, so that nothing lies between two commands but its answer.
      coming = this.askForCommands();
      for (const { command_id, spec } of commands) {
        const result = await this.carryOut(command_id, spec);
        this.reporter.result(command_id, { ...result, sandbox: this.generation });
      }
    }
  }

  private askForCommands(): Promise<CommandsAnswer["commands"]> {
    const coming = this.nextCommands();
    coming.catch((error: unknown) => {
      if (isLeaseRefusal(error)) this.options.lease.finish("refused");
    });
    return coming;
  }

  /** Commands that are not known yet, as soon as there are some; none when the lease is over. */
  private async nextCommands(): Promise<CommandsAnswer["commands"]> {
    const { client, lease } = this.options;
    while (!lease.signal.aborted) {
      const commands = await client.commands(lease.key, [...this.open], MAX_POLL_MS, lease.signal);
      const fresh = commands.filter(({ command_id }) => !this.open.has(command_id));
      if (fresh.length > 0) return fresh;
    }
    return [];
  }

  /** Ends the lease because of an error; gives the job back when the server still counts on this worker. */
  async giveUp(error: unknown): Promise<SessionEnd> {
    const { client, lease, log, claim } = this.options;
    if (lease.end !== null) return "done";
    if (error instanceof ServerRefusal && error.kind === "token") throw error;
    if (isLeaseRefusal(error)) {
      lease.finish("refused");
      return "done";
    }
    const message = error instanceof Error ? error.message : String(error);
    log(`job ${claim.job_id}: given back: ${message}`);
    const code = codeOf(error);
    await client.fail(lease.key, code, message, lease.signal).catch((refusal: unknown) => {
      log(`job ${claim.job_id}: could not be given back: ${String(refusal)}`);
    });
    return "given_back";
  }

  destroySandbox(): Promise<void> {
    const sandbox = this.sandbox;
    this.sandbox = null;
    if (sandbox) {
      this.destroying = this.destroying
        .then(() => sandbox.destroy())
        .catch((error: unknown) => this.options.log(`a sandbox could not be removed: ${String(error)}`));
    }
    return this.destroying;
  }

  /** The job's sandbox; made and filled from the server when there is none. */
  private async liveSandbox(): Promise<Sandbox> {
    if (this.sandbox) return this.sandbox;
    const sandbox = await this.makeSandbox();
    if (this.layer) {
      await this.restoreLayer(this.layer, sandbox);
      this.isFresh = false;
    }
    return sandbox;
  }

  private async makeSandbox(): Promise<Sandbox> {
    const { client, driver, claim, lease } = this.options;
    await this.destroying;
    const download = this.hasWorkspace ? client.downloadBundle(lease.key, lease.signal) : null;
    // Waited for below: a sandbox that is being made meanwhile must be known before it can be destroyed.
    download?.catch(() => {});
    const sandbox = await driver.create(claim.limits);
    this.sandbox = sandbox;
    this.generation += 1;
    try {
      const bundle = await download;
      lease.signal.throwIfAborted();
      this.base = await restoreWorkspace(sandbox, bundle);
    } catch (error) {
      // Half of the files is worse than none: a snapshot of them would take the others for deleted.
      await this.destroySandbox();
      throw error;
    }
    this.isFresh = true;
    return sandbox;
  }

  /** A sandbox without its dependencies is none: commands would fail for a reason that is not theirs. */
  private async restoreLayer(layer: LayerSpec, sandbox: Sandbox): Promise<void> {
    try {
      if (!this.options.layers) throw new NoSandboxError("This runner installs no dependencies.");
      await this.options.layers.restore(layer, sandbox);
    } catch (error) {
      await this.destroySandbox();
      throw error;
    }
  }

  /** Uncommitted work is lost. The app may hold a workspace by now that it did not have when the job was claimed. */
  private async freshSandbox(): Promise<Sandbox> {
    if (this.sandbox && this.isFresh && this.base !== null) return this.sandbox;
    await this.destroySandbox();
    this.hasWorkspace = true;
    return this.makeSandbox();
  }

  /** On failure no sandbox is left, so that nothing half-installed is taken for the whole. */
  private async prepareLayer(id: string, spec: LayerSpec): Promise<CommandResult> {
    const { layers, lease } = this.options;
    if (!layers) return failedResult("This runner installs no dependencies.");
    const fresh = async () => {
      const sandbox = await this.freshSandbox();
      this.isFresh = false;
      return sandbox;
    };
    const show = (stream: OutputStream, text: string) => this.reporter.output(id, stream, text);
    let result: CommandResult | null = null;
    try {
      result = await layers.prepare(spec, { fresh, show, signal: lease.signal });
      if (result.exit_code === 0) this.layer = spec;
    } finally {
      if (result?.exit_code !== 0) await this.destroySandbox();
    }
    return result;
  }

  private async runInSandbox(id: string, spec: ExecSpec): Promise<CommandResult> {
    const sandbox = await this.liveSandbox();
    this.isFresh = false;
    const show = (stream: OutputStream, text: string) => this.reporter.output(id, stream, text);
    const { network: _, ...result } = await runProgram(sandbox, withLayer(spec, this.layer), show);
    return result;
  }

  private async carryOut(id: string, spec: CommandSpec): Promise<CommandResult> {
    const started = performance.now();
    try {
      const result = await this.carryOutKind(id, spec);
      return { ...result, duration_ms: result.duration_ms || Math.round(performance.now() - started) };
    } catch (error) {
      if (this.options.lease.signal.aborted) throw error;
      if (error instanceof RequestError || error instanceof WorkspaceError)
        return failedResult(error.message);
      if (isRefusedContent(error))
        return failedResult(`The app refused what the command sent: ${error.message}`);
      if (!(error instanceof SandboxError)) throw error;
      if (error.gone) await this.destroySandbox();
      return failedResult(error.message);
    }
  }

  private async carryOutKind(id: string, spec: CommandSpec): Promise<CommandResult> {
    switch (spec.kind) {
      case "exec":
        return this.runInSandbox(id, spec);
      case "snapshot":
        return this.snapshot(id, spec.message, spec.timeout_ms);
      case "reset":
        await this.destroySandbox();
        this.hasWorkspace = true;
        await this.liveSandbox();
        return { ...emptyResult(), exit_code: 0 };
      case "layer":
        return this.prepareLayer(id, spec);
    }
  }

  private async snapshot(id: string, message: string, timeoutMs: number): Promise<CommandResult> {
    const { client, lease } = this.options;
    const bundle = await bundleWorkspace(await this.liveSandbox(), this.base, message, timeoutMs);
    const answer = await client.uploadBundle(lease.key, id, bundle.bytes, lease.signal);
    if (!answer.accepted) return failedResult(answer.reason);
    this.base = bundle.commit;
    this.hasWorkspace = true;
    return { ...emptyResult(), exit_code: 0, snapshot: { commit: answer.commit, tree: answer.tree } };
  }
}
