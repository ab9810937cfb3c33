/**
 * Counts what a whole simulated job makes the app do: statements, transactions, git processes, engine calls, CPU time.
 * Counts do not depend on the load of the machine. The engine is a process of its own, the worker is run by hand in
 * this one; no build is needed.
 * Run: npx tsx tests/bench/job-counts.ts [--request demo|small] [--show N] [--events]
 */
import diagnostics from "node:diagnostics_channel";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { demoRequest } from "@/cli/demo/demo-request";
import { isSettled } from "@/server/domain/job-state";
import { spawnEngine } from "@/tests/conformance/engine/child";
import { EVENT_KEY, SIGNING_KEY, until } from "@/tests/conformance/engine/harness";
import { HandRunner } from "@/tests/support/hand-runner";
import { freePort } from "@/tests/support/listen-apart";
import { addTeam, addWorkers, fileJob, reload, startCore } from "@/tests/support/settings";
import { toolchainDir } from "@/tests/support/toolchain";

const { values } = parseArgs({
  options: {
    request: { type: "string", default: "demo" },
    show: { type: "string", default: "40" },
    events: { type: "boolean", default: false },
  },
});
const SMALL = {
  title: "Word counter",
  description: "A small library that counts words.",
  spec: "# Word counter\n\n- [ ] Count the words of a text\n",
  tech_stack: "node",
};
const MODEL = "simulation/sim-1";

const statements = new Map<string, number>();
const git = new Map<string, number>();
let engineCalls = 0;

/** The driver's own door, so that whatever speaks to the database is seen. */
function countStatements(): void {
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const [first] = args;
    const text = typeof first === "string" ? first : ((first as { text?: string } | null)?.text ?? "?");
    const short = text.replace(/\s+/g, " ").trim().slice(0, 150);
    if (!short.startsWith("/* watcher */")) statements.set(short, (statements.get(short) ?? 0) + 1);
    return Reflect.apply(query, this, args);
  } as typeof query;
}

/** Every git that this process starts, by its command. */
function countGit(): void {
  diagnostics.subscribe("child_process", (message) => {
    const { process: child } = message as { process: { spawnargs?: string[] } };
    queueMicrotask(() => {
      const args = child.spawnargs ?? [];
      const at = args.indexOf("git");
      if (at < 0 || !args.includes("gc.auto=0")) return;
      const command = args.slice(at + 1).find((arg, i, all) => arg !== "-c" && all[i - 1] !== "-c") ?? "?";
      git.set(command, (git.get(command) ?? 0) + 1);
    });
  });
}

function forget(): void {
  statements.clear();
  git.clear();
  engineCalls = 0;
}

const sum = (counts: Map<string, number>) => [...counts.values()].reduce((total, n) => total + n, 0);
const print = (line: string) => process.stdout.write(`${line}\n`);

/** The functions that the app serves. */
async function loadFunctions() {
  const [job, task, agent] = await Promise.all([
    import("@/inngest/functions/run-job"),
    import("@/inngest/functions/run-task"),
    import("@/inngest/functions/run-agent"),
  ]);
  return [job.runJob, task.runTask, agent.runAgent];
}

async function main(): Promise<void> {
  countStatements();
  countGit();
  const enginePort = await freePort();
  const core = await startCore({
    INNGEST_BASE_URL: `http://127.0.0.1:${enginePort}`,
    INNGEST_SIGNING_KEY: SIGNING_KEY,
    INNGEST_EVENT_KEY: EVENT_KEY,
    BUDGET_DAY_USD: "1000",
  });
  const scratch = mkdtempSync(join(tmpdir(), "fabrica-counts-"));
  // Imported late: the client reads its settings when it is made.
  const [{ serve }, { inngest }, functions, { sendOutbox }, { listener }, { OUTBOX_CHANNEL }] =
    await Promise.all([
      import("inngest/node"),
      import("@/inngest/client"),
      loadFunctions(),
      import("@/inngest/send-outbox"),
      import("@/server/events/listen"),
      import("@/server/services/outbox/add-to-outbox"),
    ]);
  const handler = serve({ client: inngest, functions }) as RequestListener;
  const server = createServer((request, response) => {
    engineCalls++;
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const appUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/inngest`;
  const engine = await spawnEngine(core.url, appUrl, enginePort);
  await until("the app to be synced", async () => {
    const { functions: known } = (await (await fetch(`${engine.url}/health`)).json()) as {
      functions: number;
    };
    return known > 0;
  });
  let sending = Promise.resolve(0);
  const send = () => {
    sending = sending.then(() => sendOutbox(core.db));
  };
  const unsubscribe = await listener().subscribe(OUTBOX_CHANNEL, { notify: send, resumed: send });
  const ctx = await addTeam(core.db, "north");
  const [worker = ""] = await addWorkers(core.db, 1);
  const places = { "/opt/toolchain": await toolchainDir(), "/tmp": scratch };
  const models = { planner: MODEL, coder: MODEL, tester: MODEL, fixer: MODEL };

  // Watched from outside, so that watching is not counted.
  const watcher = new pg.Pool({ connectionString: core.url, max: 1 });
  const isOver = async (publicId: string) => {
    const found = await watcher.query("/* watcher */ SELECT state FROM job WHERE public_id = $1", [publicId]);
    return isSettled(found.rows[0].state);
  };
  const runOne = async () => {
    const began = performance.now();
    const before = process.cpuUsage();
    const request = values.request === "demo" ? demoRequest(undefined, "node") : SMALL;
    const filed = await fileJob(ctx, { ...request, models });
    const runner = new HandRunner(core.db, worker, places);
    await runner.claim();
    runner.serve();
    await until("the job", () => isOver(filed.publicId), 120_000);
    await runner.stop();
    const cpu = process.cpuUsage(before);
    const job = await reload(core.db, filed);
    if (job.state !== "completed") throw new Error(`the job is ${job.state}: ${job.errorMessage}`);
    return { job, wall: performance.now() - began, cpu: (cpu.user + cpu.system) / 1000 };
  };
  try {
    await runOne();
    forget();
    const { job, wall, cpu } = await runOne();
    const commits = statements.get("COMMIT") ?? 0;
    print(`${values.request}: ${Math.round(wall)} ms; ${Math.round(cpu)} ms CPU of this process`);
    print(
      `${sum(statements)} statements, ${commits} transactions; ${sum(git)} git processes; ${engineCalls} calls by the engine`,
    );
    const ranked = [...statements].sort((a, b) => b[1] - a[1]).slice(0, Number(values.show));
    for (const [text, count] of ranked) print(`${String(count).padStart(6)} ${text}`);
    print("git");
    for (const [command, count] of [...git].sort((a, b) => b[1] - a[1]))
      print(`${String(count).padStart(6)} ${command}`);
    if (values.events) {
      const rows = await core.db.jobEvent.findMany({ where: { jobId: job.id }, orderBy: { seq: "asc" } });
      let last = rows[0]?.at.getTime() ?? 0;
      for (const row of rows) {
        print(
          `${String(row.at.getTime() - last).padStart(6)} ms ${row.type} ${JSON.stringify(row.data).slice(0, 110)}`,
        );
        last = row.at.getTime();
      }
    }
  } finally {
    unsubscribe();
    await watcher.end();
    await engine.kill();
    server.closeAllConnections();
    server.close();
    await core.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

await main();
process.exit(0);
