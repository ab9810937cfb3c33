/**
 * What the engine's benchmark stands on: a durable Postgres, the engine as its own process, an SDK app in this one,
 * and the processor time that each of the three used.
 */
import type { ChildProcess } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import pg from "pg";
import { startEmbeddedPostgres } from "@/cli/launcher/embedded-postgres";
import { migrate } from "@/prisma/migrate";
import { copyEnvironment } from "@/server/own-environment";
import { bundleEngine, type EngineProcess, spawnEngine } from "@/tests/conformance/engine/child";
import { type App, type Mode, startApp, until } from "@/tests/conformance/engine/harness";
import { freePort } from "@/tests/support/listen-apart";

/** Linux counts processor time in hundredths of a second. */
const TICK_MS = 10;

/** Processor time in milliseconds. */
export interface CpuTimes {
  app: number;
  engine: number;
  postgres: number;
}

/** When each step of a run began, by the run's key. */
export type Marks = Map<string, number[]>;

/** A database server and the bundled engine. */
export interface Ground {
  databaseUrl: string;
  bundle: string;
  postgresPid: number;
  client: pg.Client;
  close(): Promise<void>;
}

/** Starts Postgres with fsync on and migrates it. This process becomes an app like ours. */
export async function openGround(): Promise<Ground> {
  copyEnvironment();
  const folder = mkdtempSync(join(tmpdir(), "fabrica-bench-"));
  chmodSync(folder, 0o755);
  const server = await startEmbeddedPostgres({ dataDir: join(folder, "postgres") });
  await migrate(server.url);
  const client = new pg.Client(server.url);
  await client.connect();
  return {
    databaseUrl: server.url,
    bundle: await bundleEngine(folder),
    postgresPid: server.pid,
    client,
    async close() {
      await client.end();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** An engine with its app: runs of N steps that do nothing but say when they began. */
export class Line {
  private static readonly children = new Set<ChildProcess>();

  readonly marks: Marks = new Map();
  private sent = 0;

  /** Ends every engine that was started here. */
  static killAll(): void {
    for (const child of Line.children) child.kill("SIGKILL");
  }

  private constructor(
    readonly app: App,
    readonly engine: EngineProcess,
    private readonly ground: Ground,
    /** When the engine said that it listens. */
    readonly listeningAt: number,
  ) {}

  /**
   * Starts both.
   * @param nodeArgs for the engine's process, such as a profiler's
   */
  static async open(
    ground: Ground,
    checkpointing: Mode["checkpointing"],
    nodeArgs: string[] = [],
  ): Promise<Line> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const lines: Line[] = [];
    const app = await startApp(
      { checkpointing, signed: true },
      () => url,
      (client) => [
        client.createFunction({ id: "line", triggers: [{ event: "line" }] }, async ({ event, step }) => {
          const { key, steps } = event.data as { key: string; steps: number };
          const marks = lines[0]!.marks.get(key)!;
          for (let i = 0; i < steps; i++) await step.run(`s${i}`, () => void marks.push(performance.now()));
        }),
        client.createFunction({ id: "waits", triggers: [{ event: "waits" }] }, async ({ event, step }) => {
          await step.waitForEvent("go", {
            event: "go",
            if: `async.data.key == "${String(event.data.key)}"`,
            timeout: "7d",
          });
        }),
      ],
      0,
      "bench",
    );
    const engine = await spawnEngine(ground.databaseUrl, app.url, port, { bundle: ground.bundle, nodeArgs });
    Line.children.add(engine.child);
    const line = new Line(app, engine, ground, performance.now());
    lines.push(line);
    await until("the app to be synced", async () => {
      const { functions } = (await (await fetch(`${url}/health`)).json()) as { functions: number };
      return functions > 0;
    });
    return line;
  }

  /** Sends `count` runs in one request and waits until the last step of each has begun. */
  async runs(count: number, steps: number): Promise<{ sent: number; marks: number[][] }> {
    const keys = Array.from({ length: count }, () => `key-${this.sent++}`);
    for (const key of keys) this.marks.set(key, []);
    const sent = performance.now();
    await this.app.client.send(keys.map((key) => ({ name: "line", data: { key, steps } })));
    const lists = keys.map((key) => this.marks.get(key)!);
    await until("the runs", () => lists.every((marks) => marks.length >= steps), 600_000);
    for (const key of keys) this.marks.delete(key);
    return { sent, marks: lists };
  }

  /** Processor time used until now by the app (this process), the engine and Postgres with its children. */
  cpu(): CpuTimes {
    const { user, system } = process.cpuUsage();
    return {
      app: (user + system) / 1000,
      engine: cpuOf(this.engine.child.pid!).own,
      postgres: cpuOfFamily(this.ground.postgresPid),
    };
  }

  /** Ends both; the engine by SIGTERM, so that a profile is written. */
  async close(): Promise<void> {
    this.engine.child.kill("SIGTERM");
    await this.engine.ended;
    await this.app.close();
  }
}

function cpuOf(pid: number): { own: number; children: number; parent: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop()!.split(" ");
  const sum = (first: number) => (Number(fields[first]) + Number(fields[first + 1])) * TICK_MS;
  return { own: sum(11), children: sum(13), parent: Number(fields[1]) };
}

/** A process and its children, also those that have ended. */
function cpuOfFamily(pid: number): number {
  const { own, children } = cpuOf(pid);
  let total = own + children;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const child = cpuOf(Number(name));
      if (child.parent === pid) total += child.own;
    } catch {
      // It ended while the list was read; then it is among the children that have ended.
    }
  }
  return total;
}

/** Least, middle and largest, and the value that 95 % do not exceed. */
export function summarise(values: number[]): { min: number; median: number; p95: number; max: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { min: sorted[0]!, median: at(0.5), p95: at(0.95), max: sorted.at(-1)! };
}
