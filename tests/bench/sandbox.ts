/**
 * Measures sandboxes against Docker's own exec and run on the same daemon in the same run, with the goals of the
 * specification as ratios.
 * Run as root: npx tsx tests/bench/sandbox.ts [--scale N] (N times as many rounds; it starts its own daemon)
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type Docker from "dockerode";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import { createDockerDriver } from "@/runner/sandbox/docker";
import { WarmPool } from "@/runner/sandbox/pool";
import type { Sandbox, SandboxDriver } from "@/runner/sandbox/port";
import { type DockerDaemon, startDocker } from "@/tests/support/docker";

const { values } = parseArgs({ options: { scale: { type: "string", default: "1" } } });
const SCALE = Number(values.scale);
const LIMITS = { memory_mb: 256, work_mb: 64, tmp_mb: 16, inodes: 5_000, cpus: 2, pids: 128 };
const PARALLEL = 8;
const JOBS_AT_ONCE = 2;
const COMMANDS_PER_JOB = 4;
const PROGRAM = ["/bin/true"];

const print = (line: string) => process.stdout.write(`${line}\n`);
const rounds = (count: number) => Math.max(3, Math.round(count * SCALE));

function quantile(numbers: readonly number[], q: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** Prints one row and returns its median. */
function show(what: string, numbers: readonly number[], unit = "ms"): number {
  const cells = [0, 0.5, 0.95, 1].map((q) => quantile(numbers, q).toFixed(2).padStart(10));
  print(`${what.padEnd(46)}${cells.join("")} ${unit.padEnd(8)} n=${numbers.length}`);
  return quantile(numbers, 0.5);
}

function goal(what: string, value: number, bound: number, wanted: "at most" | "at least"): void {
  const holds = wanted === "at most" ? value <= bound : value >= bound;
  print(
    `  ${holds ? "reached" : "MISSED "}  ${what}: ${value.toFixed(value < 1 ? 3 : 1)}, ${wanted} ${bound}`,
  );
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

async function sequential(count: number, run: () => Promise<unknown>): Promise<number[]> {
  await run();
  const times: number[] = [];
  for (let n = 0; n < count; n++) times.push(await timed(run));
  return times;
}

/** Runs `count` in all, `width` at a time. Returns how many a second, in five parts. */
async function perSecond(count: number, width: number, run: () => Promise<unknown>): Promise<number[]> {
  const rates: number[] = [];
  for (let part = 0; part < 5; part++) {
    let left = Math.max(width, Math.round(count / 5));
    const total = left;
    const lane = async () => {
      while (left-- > 0) await run();
    };
    const ms = await timed(() => Promise.all(Array.from({ length: width }, lane)));
    rates.push((total * 1000) / ms);
  }
  return rates;
}

function execIn(sandbox: Sandbox): Promise<unknown> {
  return sandbox.exec({ argv: PROGRAM, timeoutMs: 20_000, maxOutputBytes: 1_000 }).then((outcome) => {
    if (outcome.exitCode !== 0) throw new Error(`A command ended with ${outcome.exitCode}.`);
  });
}

/** What a driver without a supervisor does: an exec by the API, its output read, its exit code asked for. */
async function dockerExec(container: Docker.Container): Promise<void> {
  const exec = await container.exec({ Cmd: PROGRAM, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({ hijack: true, stdin: false });
  stream.resume();
  await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
  const { ExitCode } = await exec.inspect();
  if (ExitCode !== 0) throw new Error(`An exec ended with ${ExitCode}.`);
}

const PLAIN: Docker.ContainerCreateOptions = {
  HostConfig: { NetworkMode: "none", Memory: LIMITS.memory_mb * 1024 * 1024, PidsLimit: LIMITS.pids },
};

/** The whole life of a container that runs one command. */
async function containerPerCommand({ client, image }: DockerDaemon): Promise<void> {
  const container = await client.createContainer({ ...PLAIN, Image: image, Cmd: PROGRAM });
  await container.start();
  await container.wait();
  await container.remove();
}

async function commands(daemon: DockerDaemon, docker: SandboxDriver, jails: SandboxDriver): Promise<void> {
  const { client, image } = daemon;
  const plain = await client.createContainer({ ...PLAIN, Image: image, Cmd: ["sleep", "infinity"] });
  await plain.start();
  const sandbox = await docker.create(LIMITS);
  const jail = await jails.create(LIMITS);
  try {
    print("\nOne command, one after another");
    const exec = show("Docker exec by the API", await sequential(rounds(40), () => dockerExec(plain)));
    const own = show("exec by the supervisor", await sequential(rounds(200), () => execIn(sandbox)));
    show("bubblewrap jail", await sequential(rounds(100), () => execIn(jail)));
    goal("supervisor ÷ Docker exec", own / exec, 0.1, "at most");
    print(`\nCommands a second, ${PARALLEL} at a time`);
    const slow = show(
      "Docker exec by the API",
      await perSecond(rounds(80), PARALLEL, () => dockerExec(plain)),
      "1/s",
    );
    const fast = show(
      "exec by the supervisor",
      await perSecond(rounds(800), PARALLEL, () => execIn(sandbox)),
      "1/s",
    );
    show("bubblewrap jail", await perSecond(rounds(300), PARALLEL, () => execIn(jail)), "1/s");
    goal("supervisor ÷ Docker exec", fast / slow, 20, "at least");
  } finally {
    await Promise.all([plain.remove({ force: true }), sandbox.destroy(), jail.destroy()]);
  }
}

async function starts(
  daemon: DockerDaemon,
  docker: SandboxDriver,
  pool: WarmPool,
  jails: SandboxDriver,
): Promise<void> {
  print("\nA sandbox for a job");
  const create: number[] = [];
  const destroy: number[] = [];
  for (let n = 0; n < rounds(15); n++) {
    const started = performance.now();
    const sandbox = await docker.create(LIMITS);
    create.push(performance.now() - started);
    destroy.push(await timed(() => sandbox.destroy()));
  }
  const cold = show("created and started for the job", create);
  show("destroyed", destroy);
  show(
    "docker run of one command, by the API",
    await sequential(rounds(15), () => containerPerCommand(daemon)),
  );
  const claims: number[] = [];
  for (let n = 0; n <= rounds(15); n++) {
    let sandbox: Sandbox | undefined;
    const ms = await timed(async () => {
      sandbox = await pool.create(LIMITS);
    });
    // The first is made for the claim; each of the others has waited until it was ready.
    if (n > 0) claims.push(ms);
    await sandbox?.destroy();
    await pool.filled();
  }
  const warm = show("claimed from the pool", claims);
  show(
    "bubblewrap, made and destroyed",
    await sequential(rounds(50), async () => (await jails.create(LIMITS)).destroy()),
  );
  goal("claimed from the pool ÷ created and started", warm / cold, 0.05, "at most");
  print(`  memory of one that waits: ${await idleMemory(daemon)}`);
}

/** What the kernel counts for the only container that lives, and how much of it is anybody's own. */
async function idleMemory({ client }: DockerDaemon): Promise<string> {
  const [container] = await client.listContainers();
  if (!container) return "none waits";
  const { memory_stats: memory } = await client.getContainer(container.Id).stats({ stream: false });
  const mebibytes = (bytes = 0) => (bytes / 1024 / 1024).toFixed(1);
  const stats = memory.stats as unknown as Record<string, number>;
  return `${mebibytes(memory.usage)} MiB in its control group, ${mebibytes(stats.rss ?? stats.anon)} MiB of it anonymous`;
}

async function jobs(daemon: DockerDaemon, docker: SandboxDriver, pool: WarmPool): Promise<void> {
  print(`\nSimulated jobs a minute, ${COMMANDS_PER_JOB} commands each, ${JOBS_AT_ONCE} at a time`);
  const commandsOf = async (run: () => Promise<unknown>) => {
    for (let n = 0; n < COMMANDS_PER_JOB; n++) await run();
  };
  const jobIn = (driver: SandboxDriver) => async () => {
    const sandbox = await driver.create(LIMITS);
    await commandsOf(() => execIn(sandbox)).finally(() => sandbox.destroy());
  };
  const perMinute = async (what: string, run: () => Promise<unknown>) =>
    show(
      what,
      (await perSecond(rounds(30), JOBS_AT_ONCE, run)).map((rate) => rate * 60),
      "1/min",
    );
  const slow = await perMinute("a container for every command", () =>
    commandsOf(() => containerPerCommand(daemon)),
  );
  const fast = await perMinute("one sandbox a job", jobIn(docker));
  const warm = await perMinute("one sandbox a job, from the pool", jobIn(pool));
  goal("one sandbox a job ÷ a container for every command", fast / slow, 3, "at least");
  print(`  from the pool ÷ a container for every command: ${(warm / slow).toFixed(1)}`);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fabrica-bench-"));
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const daemon = await startDocker();
  const { Version } = await daemon.client.version();
  print(
    `commit ${commit}; ${cpus().length} × ${cpus()[0]?.model}; ${Math.round(totalmem() / 2 ** 30)} GB; ` +
      `Node ${process.version}; Docker ${Version}; load ${loadavg()[0]?.toFixed(2)}`,
  );
  print(`${"".padEnd(46)}${["min", "median", "p95", "max"].map((name) => name.padStart(10)).join("")}`);
  const { host: dockerHost, image, supervisor } = daemon;
  const options = { dockerHost, image, runtime: null, supervisor, toolchainDir: null, instance: "bench" };
  const docker = await createDockerDriver(options);
  const jails = await createBubblewrapDriver({ stateDir: folder, toolchainDir: null });
  const signal = new AbortController().signal;
  const pool = new WarmPool(docker, { size: 1, log: print, signal, refillAfterMs: 0 });
  try {
    await commands(daemon, docker, jails);
    await starts(daemon, docker, pool, jails);
    await jobs(daemon, docker, pool);
  } finally {
    await pool.close();
    await jails.reap();
    await daemon.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
