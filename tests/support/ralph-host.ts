// A host of external agents as a person would start it: `fabrica ralph` with the stand-in agent, its folder lent to
// sandboxes read-only. Invariant: after `stop` nothing of it is left.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childrenOf, describeProcess, type HostProcess, membersOf } from "../system/host-processes";

const ROOT = realpathSync(join(import.meta.dirname, "../.."));
const READY_MS = 60_000;

export interface RalphOptions {
  /** Address of the app. */
  url: string;
  /** Data folder of the factory on this machine, where its token is. */
  dataDir: string;
  command?: string;
  /** Folder with other programs than the stand-in agent. */
  tools?: string;
  env?: Record<string, string>;
}

export class RalphHost {
  private output = "";

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  /** Starts it and waits until it has registered. @throws with its words when it does not */
  static async start({ url, dataDir, command, env = {}, ...given }: RalphOptions): Promise<RalphHost> {
    const folder = mkdtempSync(join(tmpdir(), "fabrica-ralph-"));
    // Jailed programs run as another user and must be able to walk through.
    chmodSync(folder, 0o711);
    const tools = join(folder, "tools");
    // As it is, links included: in the sandbox the folder lies somewhere else.
    if (given.tools) cpSync(given.tools, tools, { recursive: true, verbatimSymlinks: true });
    else cpSync(join(import.meta.dirname, "stand-in-agent.mjs"), join(tools, "stand-in-agent.mjs"));
    const { runner } = JSON.parse(readFileSync(join(dataDir, "secrets.json"), "utf8")) as { runner: string };
    const { PATH, HOME, TMPDIR, FABRICA_CACHE_DIR } = process.env;
    const child = spawn(
      process.execPath,
      [
        ...[
          join(ROOT, "dist/fabrica.mjs"),
          "ralph",
          "--server",
          url,
          "--token",
          runner,
          "--driver",
          "bubblewrap",
        ],
        ...["--command", command ?? "node /opt/agent/stand-in-agent.mjs", "--tools", tools],
      ],
      {
        env: {
          ...Object.fromEntries(
            Object.entries({ PATH, HOME, TMPDIR, FABRICA_CACHE_DIR }).filter(
              ([, value]) => value !== undefined,
            ),
          ),
          NODE_ENV: "production",
          DATA_DIR: join(folder, "data"),
          RALPH_STATE_DIR: join(folder, "state"),
          ...env,
        } as NodeJS.ProcessEnv,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const host = new RalphHost(child, folder);
    try {
      await host.untilSaid("registered at", READY_MS);
      return host;
    } catch (error) {
      await host.stop();
      throw error;
    }
  }

  /** Everything that it has said. */
  get said(): string {
    return this.output;
  }

  private untilSaid(text: string, limitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`fabrica ralph did not say "${text}":\n${this.output}`)),
        limitMs,
      );
      const read = (chunk: Buffer) => {
        this.output += chunk;
        if (!this.output.includes(text)) return;
        clearTimeout(late);
        resolve();
      };
      this.child.stdout?.on("data", read);
      this.child.stderr?.on("data", read);
      this.child.once("exit", (code) => {
        clearTimeout(late);
        reject(new Error(`fabrica ralph ended with ${code}:\n${this.output}`));
      });
    });
  }

  /** Everything that runs below it, jailed agents included. */
  processes(): HostProcess[] {
    return membersOf(this.child.pid ?? -1).map(describeProcess);
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
  }

  /** SIGKILL to the process that does the work and to the command, as if the machine had lost its power. */
  async kill(): Promise<void> {
    for (const { pid } of childrenOf(this.child.pid ?? -1)) process.kill(pid, "SIGKILL");
    await this.end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.end("SIGTERM");
    // What a killed one had mounted its next start would remove, which a folder that goes does not see.
    for (const line of readFileSync("/proc/mounts", "utf8").split("\n")) {
      const place = line.split(" ")[1];
      if (place?.startsWith(`${this.folder}/`)) execFileSync("umount", [place]);
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}
