// One claimed job: its sandbox, its workspace and its commands, in order, until the lease is over.
// Invariant: at most one live sandbox (7); it is destroyed at once when the lease ends, whatever is running in it.
import type { Lease } from "./lease";
import type { Log } from "./log";
import type { ClaimAnswer, CommandResult, CommandSpec } from "./protocol";
import { MAX_POLL_MS } from "./protocol";
import { emptyResult, failedResult, runProgram } from "./run-command";
import { NoSandboxError, RequestError, type Sandbox, type SandboxDriver, SandboxError } from "./sandbox/port";
import { ServerRefusal, type WorkerClient } from "./server-client";
import { bundleWorkspace, restoreWorkspace, WorkspaceError } from "./workspace";

export interface SessionOptions {
  client: WorkerClient;
  driver: SandboxDriver;
  claim: ClaimAnswer;
  lease: Lease;
  log: Log;
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

/** The server is there and the lease holds, but it will not have what was sent. */
function isRefusedContent(error: unknown): error is ServerRefusal {
  return error instanceof ServerRefusal && (error.kind === "refused" || error.kind === "too_large");
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
  /** Results by command, for a server that asks again because an answer of ours was lost. */
  private readonly results = new Map<string, CommandResult>();

  constructor(private readonly options: SessionOptions) {
    this.hasWorkspace = options.claim.has_workspace;
  }

  async work(): Promise<void> {
    const { client, lease } = this.options;
    await this.liveSandbox();
    while (!lease.signal.aborted) {
      const commands = await client.commands(lease.key, MAX_POLL_MS, lease.signal);
      // While one result travels the next command runs already; results arrive in their order.
      let reported = Promise.resolve();
      for (const { command_id, spec } of commands) {
        const result = this.results.get(command_id) ?? (await this.carryOut(command_id, spec));
        this.results.set(command_id, result);
        await reported;
        reported = this.report(command_id, result);
        reported.catch((error: unknown) => this.noteRefusal(error));
      }
      await reported;
    }
  }

  /** The lease is gone, so that what runs just now is of no use. Everything else waits for its turn. */
  private noteRefusal(error: unknown): void {
    if (isLeaseRefusal(error)) this.options.lease.finish("refused");
  }

  /** Only what is not known to have arrived can be asked for again, and output is large. */
  private forgetBefore(id: string): void {
    for (const known of this.results.keys()) {
      if (known === id) return;
      this.results.delete(known);
    }
  }

  /** Sends a result; one that the app will not have is replaced by the reason, or the job would come back for ever. */
  private async report(id: string, result: CommandResult): Promise<void> {
    const { client, lease } = this.options;
    try {
      await client.result(lease.key, id, result, lease.signal);
    } catch (error) {
      if (!isRefusedContent(error)) throw error;
      const reason = failedResult(`The app refused the result: ${error.message}`);
      await client.result(lease.key, id, reason, lease.signal);
    }
    this.forgetBefore(id);
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
    const { client, driver, claim, lease } = this.options;
    await this.destroying;
    const [sandbox, bundle] = await Promise.all([
      driver.create(claim.limits),
      this.hasWorkspace ? client.downloadBundle(lease.key, lease.signal) : null,
    ]);
    this.sandbox = sandbox;
    if (lease.signal.aborted) await this.destroySandbox();
    lease.signal.throwIfAborted();
    this.base = await restoreWorkspace(sandbox, bundle);
    return sandbox;
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
    const { client, lease } = this.options;
    switch (spec.kind) {
      case "exec":
        return runProgram(await this.liveSandbox(), spec, (chunks) =>
          client.output(lease.key, id, chunks, lease.signal),
        );
      case "snapshot":
        return this.snapshot(id, spec.message, spec.timeout_ms);
      case "reset":
        await this.destroySandbox();
        await this.liveSandbox();
        return { ...emptyResult(), exit_code: 0 };
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
