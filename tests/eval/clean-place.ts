/**
 * Where delivered code is judged: sandboxes of the runner's own driver, a fresh one for each tree. What comes out of a
 * factory is as untrusted as what runs in it; nothing of it is ever run outside.
 */
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import type { Sandbox, SandboxDriver } from "@/runner/sandbox/port";
import type { RunOutput, ToolCommand } from "@/server/toolchains/port";
import { toolchainDir } from "../support/toolchain";

const LIMITS = { memory_mb: 1536, work_mb: 512, tmp_mb: 128, inodes: 60_000, cpus: 2, pids: 256 };
const COPY_MS = 60_000;
const MAX_TREE_BYTES = 256 * 1024 * 1024;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const run = promisify(execFile);

/** Runs one program in the sandbox that holds a tree. */
export type RunHere = (command: ToolCommand) => Promise<RunOutput>;

export class CleanPlace {
  private constructor(
    private readonly folder: string,
    private readonly driver: SandboxDriver,
  ) {}

  /** @throws Error with a plain sentence where bubblewrap cannot be used */
  static async open(): Promise<CleanPlace> {
    const folder = mkdtempSync(join(tmpdir(), "fabrica-eval-judge-"));
    try {
      chmodSync(folder, 0o711);
      const stateDir = join(folder, "state");
      return new CleanPlace(
        folder,
        await createBubblewrapDriver({ stateDir, toolchainDir: await toolchainDir() }),
      );
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Copies a folder without git's own into a fresh sandbox, for as long as `work` takes. */
  async within<T>(folder: string, work: (run: RunHere) => Promise<T>): Promise<T> {
    const sandbox = await this.driver.create(LIMITS);
    try {
      await fill(sandbox, folder);
      return await work((command) => runHere(sandbox, command));
    } finally {
      await sandbox.destroy();
    }
  }

  async close(): Promise<void> {
    await this.driver.reap();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function fill(sandbox: Sandbox, folder: string): Promise<void> {
  const args = ["--create", "--file=-", "--exclude=./.git", "--directory", folder, "."];
  const { stdout } = await run("tar", args, { encoding: "buffer", maxBuffer: MAX_TREE_BYTES });
  const argv = ["tar", "--extract", "--file=-", "--no-same-owner", "--no-same-permissions"];
  const { exitCode, output } = await execute(sandbox, argv, { stdin: stdout, timeoutMs: COPY_MS });
  if (exitCode !== 0) throw new Error(`The tree does not fit into a sandbox: ${output.stderr.slice(-300)}`);
}

async function runHere(
  sandbox: Sandbox,
  { argv, env, timeoutMs, cwd, report }: ToolCommand,
): Promise<RunOutput> {
  const { exitCode, output } = await execute(sandbox, argv, { env, cwd, timeoutMs });
  return { exitCode, ...output, report: report === null ? output.stdout : await textOf(sandbox, report) };
}

async function textOf(sandbox: Sandbox, path: string): Promise<string | null> {
  const { exitCode, output } = await execute(sandbox, ["cat", "--", path], { timeoutMs: COPY_MS });
  return exitCode === 0 ? output.stdout : null;
}

async function execute(
  sandbox: Sandbox,
  argv: string[],
  more: { stdin?: Buffer; env?: Record<string, string>; cwd?: string; timeoutMs: number },
): Promise<{ exitCode: number | null; output: { stdout: string; stderr: string } }> {
  const chunks: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  const onOutput = (stream: "stdout" | "stderr", data: Buffer) => void chunks[stream].push(Buffer.from(data));
  const { exitCode, timedOut } = await sandbox.exec({
    argv,
    ...more,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    onOutput,
  });
  const text = (stream: "stdout" | "stderr") => Buffer.concat(chunks[stream]).toString("utf8");
  return {
    exitCode: timedOut ? null : exitCode,
    output: { stdout: text("stdout"), stderr: text("stderr") },
  };
}
