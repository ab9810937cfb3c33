// The sandbox of one lease with the job's workspace in it: filled from the app, and sent back to it as bundles, each on the
// last commit that the app has accepted.
import type { SessionOptions } from "../job-session";
import type { BundleAnswer } from "../protocol";
import { type Sandbox, SandboxError } from "../sandbox/port";
import { ServerRefusal } from "../server-client";
import { bundleWorkspace, restoreWorkspace, WorkspaceError } from "../workspace";

const SNAPSHOT_MS = 120_000;
/** How long each part of sending the last work may take, when the lease is over. */
const LAST_WORK_MS = 10_000;

export class Box {
  private sandbox: Sandbox | null = null;
  private destroying: Promise<void> = Promise.resolve();
  /** The last commit that the app holds, as the sandbox calls it. */
  private base: string | null = null;
  /** The same as the app calls it. */
  commit: string | null = null;

  constructor(private readonly options: SessionOptions) {}

  /** Makes the sandbox and puts the workspace into it. Throws SandboxError, NoSandboxError, WorkspaceError. */
  async fill(): Promise<void> {
    const { client, driver, claim, lease } = this.options;
    const download = client.downloadBundle(lease.key, lease.signal);
    // Waited for below: a sandbox that is being made meanwhile must be known before it can be destroyed.
    download.catch(() => undefined);
    this.sandbox = await driver.create(claim.limits);
    const bundle = await download;
    lease.signal.throwIfAborted();
    this.base = await restoreWorkspace(this.live(), bundle);
    this.commit = this.base;
  }

  /** @throws SandboxError when it is gone */
  live(): Sandbox {
    if (!this.sandbox) throw new SandboxError("The sandbox is gone.", true);
    return this.sandbox;
  }

  /** Sends what was made. What cannot be sent is refused like a bundle that the app will not have. */
  async send(message: string): Promise<BundleAnswer> {
    const { client, lease } = this.options;
    try {
      const bundle = await bundleWorkspace(this.live(), this.base, message, SNAPSHOT_MS);
      const answer = await client.uploadWork(lease.key, message, bundle.bytes, lease.signal);
      if (answer.accepted) {
        this.base = bundle.commit;
        this.commit = answer.commit;
      }
      return answer;
    } catch (error) {
      if (error instanceof WorkspaceError) return { accepted: false, reason: error.message };
      if (error instanceof ServerRefusal && error.kind === "too_large")
        return { accepted: false, reason: error.message };
      throw error;
    }
  }

  /** Sends what was made although the lease is over, once and not for long. */
  async sendLast(message: string): Promise<void> {
    const { client, lease, log, claim } = this.options;
    const { sandbox, base } = this;
    if (!sandbox) return;
    try {
      const { bytes } = await bundleWorkspace(sandbox, base, message, LAST_WORK_MS);
      const answer = await client.uploadWork(lease.key, message, bytes, AbortSignal.timeout(LAST_WORK_MS));
      log(
        `job ${claim.job_id}: the work so far was ${answer.accepted ? "kept" : `refused: ${answer.reason}`}`,
      );
    } catch (error) {
      // As it is with a job that was cancelled, or that another worker has by now.
      log(`job ${claim.job_id}: the work so far was not kept: ${String(error)}`);
    }
  }

  destroy(): Promise<void> {
    const { sandbox } = this;
    this.sandbox = null;
    if (sandbox) {
      this.destroying = this.destroying
        .then(() => sandbox.destroy())
        .catch((error: unknown) => this.options.log(`a sandbox could not be removed: ${String(error)}`));
    }
    return this.destroying;
  }
}
