/**
 * Measures the setup of a job's dependencies: installed from a registry on this machine against taken from the cache,
 * each from the order to a fresh sandbox that has them. The goal is a ratio, from one run.
 * Run: npx tsx tests/bench/dependencies.ts [--driver bubblewrap|docker] [--packages N] [--files N] [--rounds N]
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type LayerHost, Layers } from "@/runner/layers";
import type { LayerSpec } from "@/runner/protocol";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import { createDockerDriver } from "@/runner/sandbox/docker";
import type { Sandbox, SandboxDriver } from "@/runner/sandbox/port";
import { restoreWorkspace } from "@/runner/workspace";
import {
  bundleOf,
  makeToolchain,
  PackageRegistry,
  VERSION,
} from "@/tests/conformance/sandbox/package-registry";
import { bundleSupervisor, startDocker } from "@/tests/support/docker";

const { values } = parseArgs({
  options: {
    driver: { type: "string", default: "bubblewrap" },
    packages: { type: "string", default: "100" },
    files: { type: "string", default: "40" },
    rounds: { type: "string", default: "5" },
  },
});
const [PACKAGES, FILES, ROUNDS] = [values.packages, values.files, values.rounds].map(Number) as [
  number,
  number,
  number,
];
const LIMITS = { memory_mb: 1_024, work_mb: 256, tmp_mb: 64, inodes: 50_000, cpus: 2, pids: 256 };
const FILE = "// A line of a package, as long as lines are.\n".repeat(90);
const GOAL = 5;

const print = (line: string) => process.stdout.write(`${line}\n`);

function addPackages(registry: PackageRegistry): Record<string, string> {
  const names = Array.from({ length: PACKAGES }, (_, n) => `package-${n}`);
  const files = Object.fromEntries(Array.from({ length: FILES }, (_, n) => [`lib/file-${n}.js`, FILE]));
  registry.addNpm(
    names.map((name) => ({ name, files: { ...files, "index.js": `module.exports = "${name}";` } })),
  );
  return Object.fromEntries(names.map((name) => [name, VERSION]));
}

async function openDriver(
  folder: string,
  registry: PackageRegistry,
): Promise<[SandboxDriver, () => Promise<unknown>]> {
  const toolchainDir = join(folder, "toolchain");
  const access = { hosts: [], mirrors: [registry.target], maxBytes: 1e9, maxConnections: 64 };
  if (values.driver === "docker") {
    const { host: dockerHost, image, supervisor, stop } = await startDocker();
    const own = { dockerHost, image, supervisor, toolchainDir, runtime: null, instance: "bench" };
    return [await createDockerDriver({ ...own, network: { access } }), stop];
  }
  const supervisor = join(folder, "supervisor.cjs");
  await bundleSupervisor(supervisor);
  const own = { stateDir: join(folder, "state"), toolchainDir, supervisor, registries: access };
  const driver = await createBubblewrapDriver(own);
  return [driver, () => driver.reap()];
}

class Job implements LayerHost {
  private sandbox: Sandbox | null = null;
  readonly signal = new AbortController().signal;
  constructor(
    private readonly driver: SandboxDriver,
    private readonly bundle: Uint8Array,
  ) {}
  async fresh(): Promise<Sandbox> {
    await this.destroy();
    this.sandbox = await this.driver.create(LIMITS);
    await restoreWorkspace(this.sandbox, this.bundle);
    return this.sandbox;
  }
  show(): void {}
  async destroy(): Promise<void> {
    await this.sandbox?.destroy();
  }
}

function specOf(round: number): LayerSpec {
  const name = round.toString(16).padStart(64, "0");
  const argv = ["sh", "-c", "npm ci --ignore-scripts --no-audit --no-fund"];
  const common = { kind: "exec" as const, argv, cwd: ".", env: {}, stdin: null, live: false };
  const install = {
    ...common,
    timeout_ms: 600_000,
    max_output_bytes: 100_000,
    network: "registries" as const,
  };
  return { kind: "layer", find: [name], keep: name, install, timeout_ms: 120_000, env: {}, path: [] };
}

const median = (numbers: number[]) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const shown = (numbers: number[]) =>
  `min ${Math.min(...numbers).toFixed(0)}, median ${median(numbers).toFixed(0)}, max ${Math.max(...numbers).toFixed(0)} ms`;

async function measure(folder: string, registry: PackageRegistry): Promise<boolean> {
  const manifest = { name: "project", version: "1.0.0", dependencies: addPackages(registry) };
  const lock = await registry.lockFor(manifest);
  const files = {
    "package.json": JSON.stringify(manifest),
    "package-lock.json": lock,
    ".gitignore": "node_modules\n",
  };
  const bundle = bundleOf(folder, files);
  makeToolchain(join(folder, "toolchain"));
  const [driver, close] = await openDriver(folder, registry);
  const addresses = { npmRegistry: registry.npmUrl, registryCa: registry.ca };
  const layers = Layers.open({
    dir: join(folder, "layers"),
    maxBytes: 4e9,
    platform: "bench",
    ...addresses,
    log: print,
  });
  const times = { installed: [] as number[], cached: [] as number[] };
  let bytes = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const how of ["installed", "cached"] as const) {
        const job = new Job(driver, bundle);
        const started = performance.now();
        const result = await layers.prepare(specOf(round), job);
        times[how].push(performance.now() - started);
        if (result.exit_code !== 0) throw new Error(`${how}: ${result.failure ?? result.stderr}`);
        if (result.layer?.cached !== (how === "cached")) throw new Error(`The layer was not ${how}.`);
        bytes = result.layer.bytes;
        await job.destroy();
      }
    }
  } finally {
    await close();
  }
  const ratio = median(times.installed) / median(times.cached);
  print(
    `${driver.name}; ${cpus().length} cores; load ${loadavg()[0]?.toFixed(1)}; ${PACKAGES} packages, ${PACKAGES * (FILES + 2)} files, ${(bytes / 1e6).toFixed(0)} MB`,
  );
  print(`installed  ${shown(times.installed)}  n=${ROUNDS}`);
  print(`cached     ${shown(times.cached)}  n=${ROUNDS}`);
  print(
    `  ${ratio >= GOAL ? "reached" : "MISSED "}  installed ÷ cached: ${ratio.toFixed(1)}, at least ${GOAL}`,
  );
  return ratio >= GOAL;
}

const folder = mkdtempSync(join(tmpdir(), "fabrica-bench-dependencies-"));
chmodSync(folder, 0o755);
const registry = await PackageRegistry.start(join(folder, "registry"));
try {
  process.exitCode = (await measure(folder, registry)) ? 0 : 1;
} finally {
  await registry.stop();
  rmSync(folder, { recursive: true, force: true });
}
