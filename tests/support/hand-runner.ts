// A runner without a sandbox: takes commands through the services and carries them out in a temporary folder with the
// real git. It can be told to fall silent at any command, which is how tests lose a worker.
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandResult, CommandSpec } from "@/runner/protocol";
import { emptyResult } from "@/runner/run-command";
import type { Db } from "@/server/db";
import { AppError } from "@/server/domain/errors";
import { waitFor } from "@/server/events/wait-for";
import type { Job } from "@/server/generated/prisma/client";
import { COMMAND_CHANNEL } from "@/server/services/commands/enqueue-command";
import { reportCommands } from "@/server/services/commands/report-commands";
import { takeCommands } from "@/server/services/commands/take-commands";
import { claimJob } from "@/server/services/queue/claim-job";
import { receiveBundle } from "@/server/services/workspace/receive-bundle";
import { sendBundle } from "@/server/services/workspace/send-bundle";
import { SandboxRepository, streamOf } from "@/server/workspaces/sandbox-repository.fixture";

export interface Seen {
  id: string;
  spec: CommandSpec;
}

export class HandRunner {
  /** Commands in the order in which they were carried out. */
  readonly seen: Seen[] = [];
  job!: Job;
  private box = new SandboxRepository();
  private base: string | null = null;
  /** Counts the sandboxes of the lease, as a runner does. */
  private sandbox = 1;
  /** Changes what is told of a command that was carried out, as a worker that lies would. */
  twist: (result: CommandResult) => CommandResult = (result) => result;
  private readonly over = new AbortController();
  private serving: Promise<void> | null = null;
  /** Return false to fall silent for good instead of carrying the command out. */
  private before: (seen: Seen) => boolean | Promise<boolean> = () => true;
  private answer: (seen: Seen) => Partial<CommandResult> | null = () => null;

  /** @param places folders of the sandbox and where they lie here, such as the toolchain's */
  constructor(
    private readonly db: Db,
    readonly worker: string,
    private readonly places: Record<string, string> = {},
  ) {}

  /** Claims the next job and restores its workspace. */
  async claim(): Promise<Job> {
    const claimed = await claimJob(this.db, this.worker, 60);
    if (!claimed) throw new Error("nothing is claimable");
    this.job = await this.db.job.findUniqueOrThrow({ where: { id: claimed.id } });
    await this.restore();
    return this.job;
  }

  /** The sandbox dies under its lease: the next command finds another one, made from the last commit. */
  async loseSandbox(): Promise<void> {
    await this.fillAnew();
  }

  private async fillAnew(): Promise<void> {
    rmSync(this.box.folder, { recursive: true, force: true });
    this.box = new SandboxRepository();
    this.base = null;
    this.sandbox++;
    await this.restore();
  }

  private async restore(): Promise<void> {
    const bundle = await sendBundle(this.db, this.lease);
    if (bundle) {
      const chunks: Buffer[] = [];
      for await (const chunk of bundle) chunks.push(chunk as Buffer);
      const file = join(this.box.folder, ".git", "down.bundle");
      writeFileSync(file, Buffer.concat(chunks));
      this.box.restore(file);
      this.base = this.box.head();
    }
  }

  /**
   * Carries out whatever comes until `stop` or the end of the lease.
   * @param answer what a program is said to have come to, instead of being run; null runs it
   */
  serve(
    before: (seen: Seen) => boolean | Promise<boolean> = () => true,
    answer: (seen: Seen) => Partial<CommandResult> | null = () => null,
  ): this {
    this.before = before;
    this.answer = answer;
    this.serving = this.loop();
    return this;
  }

  async stop(): Promise<void> {
    this.over.abort();
    await this.serving;
    rmSync(this.box.folder, { recursive: true, force: true });
  }

  private get lease() {
    return { worker: this.worker, job: this.job.publicId, fence: this.job.fence };
  }

  private async loop(): Promise<void> {
    // Another claim begins another loop.
    const { lease } = this;
    try {
      while (!this.over.signal.aborted) {
        const taken = await waitFor(
          COMMAND_CHANNEL,
          async () => {
            const found = await takeCommands(this.db, lease);
            return found.length > 0 ? found : null;
          },
          { waitMs: 30_000, signal: this.over.signal },
        );
        for (const { command_id: id, spec } of taken ?? []) {
          if (!(await this.before({ id, spec }))) return;
          this.seen.push({ id, spec });
          const result = this.twist({ ...(await this.carryOut(id, spec)), sandbox: this.sandbox });
          await reportCommands(this.db, { ...lease, items: [{ command_id: id, chunks: [], result }] });
        }
      }
    } catch (error) {
      if (error instanceof AppError && ["lease_over", "stale_fence", "not_found"].includes(error.code))
        return;
      if (!this.over.signal.aborted) throw error;
    }
  }

  private async carryOut(id: string, spec: CommandSpec): Promise<CommandResult> {
    const told = this.answer({ id, spec });
    if (told) return { ...emptyResult(), exit_code: 0, ...told };
    if (spec.kind === "reset") await this.fillAnew();
    if (spec.kind === "reset" || spec.kind === "layer") return { ...emptyResult(), exit_code: 0 };
    if (spec.kind === "snapshot") return this.snapshot(id);
    const [program = "", ...args] = spec.argv.map((text) => this.place(text));
    const given = Object.entries(spec.env).map(([name, value]) => [name, this.place(value)]);
    const ended = spawnSync(program, args, {
      cwd: this.box.folder,
      input: spec.stdin ?? "",
      timeout: spec.timeout_ms,
      maxBuffer: 16 * 1024 * 1024,
      env: { PATH: process.env.PATH, ...Object.fromEntries(given), NODE_ENV: "test" },
    });
    return {
      ...emptyResult(),
      exit_code: ended.status,
      signal: ended.signal,
      stdout: ended.stdout.toString("utf8"),
      stderr: ended.stderr.toString("utf8"),
    };
  }

  private place(text: string): string {
    const found = Object.entries(this.places).find(([path]) => text === path || text.startsWith(`${path}/`));
    return found ? found[1] + text.slice(found[0].length) : text;
  }

  private async snapshot(id: string): Promise<CommandResult> {
    const commit = this.box.commit();
    const answer = await receiveBundle(
      this.db,
      { ...this.lease, command: id },
      streamOf(this.box.bundle(this.base)),
    );
    if (!answer.accepted) return { ...emptyResult(), failure: answer.reason };
    this.base = commit;
    const { commit: kept, tree } = answer;
    return { ...emptyResult(), exit_code: 0, snapshot: { commit: kept, tree } };
  }
}
