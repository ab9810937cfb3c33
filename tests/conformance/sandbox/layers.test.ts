// Dependencies of jobs in both kinds of sandbox: installed through the tunnel from a registry on this machine, kept,
// found again by who may, and by nobody else. The installer is npm itself, and pip where the sandbox has it.
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LayerHost, Layers, withLayer } from "@/runner/layers";
import type { CommandResult, LayerSpec, SandboxLimits } from "@/runner/protocol";
import { runProgram } from "@/runner/run-command";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import { createDockerDriver } from "@/runner/sandbox/docker";
import type { Sandbox, SandboxDriver } from "@/runner/sandbox/port";
import { restoreWorkspace } from "@/runner/workspace";
import { bundleSupervisor, startDocker } from "@/tests/support/docker";
import { PackageRegistry, VERSION, writeFiles } from "./package-registry";

const LIMITS: SandboxLimits = { memory_mb: 768, work_mb: 96, tmp_mb: 16, inodes: 20_000, cpus: 2, pids: 128 };
const MANIFEST = { name: "project", version: "1.0.0", dependencies: { "first-package": VERSION } };

let folder: string;
let registry: PackageRegistry;
let project: Record<string, string>;

/** The toolchain folder brings npm, because the image has none. */
function makeToolchain(): string {
  const npm = dirname(dirname(realpathSync(execFileSync("which", ["npm"], { encoding: "utf8" }).trim())));
  const modules = join(folder, "toolchain/node_modules");
  cpSync(npm, join(modules, "npm"), { recursive: true });
  writeFiles(modules, {
    ".bin/npm": '#!/bin/sh\nexec node /opt/toolchain/node_modules/npm/bin/npm-cli.js "$@"\n',
  });
  chmodSync(join(modules, ".bin/npm"), 0o755);
  return join(folder, "toolchain");
}

const accessOf = () => ({
  hosts: ["registry.npmjs.org"],
  mirrors: [registry.target],
  maxBytes: 5e7,
  maxConnections: 32,
});

async function openBubblewrap() {
  const supervisor = join(folder, "supervisor.cjs");
  await bundleSupervisor(supervisor);
  const options = { stateDir: join(folder, "state"), toolchainDir: join(folder, "toolchain"), supervisor };
  const driver = await createBubblewrapDriver({ ...options, registries: accessOf() });
  return { driver, close: async () => void (await driver.reap()) };
}

async function openDocker() {
  const daemon = await startDocker();
  const { host: dockerHost, image, supervisor } = daemon;
  const own = { dockerHost, image, supervisor, runtime: null, instance: "layers" };
  const toolchainDir = join(folder, "toolchain");
  const driver = await createDockerDriver({ ...own, toolchainDir, network: { access: accessOf() } });
  return { driver, close: () => daemon.stop() };
}

/** What the app would send down: one commit with these files. */
function bundleOf(files: Record<string, string>): Uint8Array {
  const own = mkdtempSync(join(folder, "project-"));
  const git = (...args: string[]) => execFileSync("git", ["-C", own, ...args], { maxBuffer: 1e8 });
  git("init", "-q", "-b", "main");
  writeFiles(own, files);
  git("add", "-A");
  git("-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qm", "files");
  return git("bundle", "create", "-q", "-", "main");
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-layers-"));
  chmodSync(folder, 0o755);
  makeToolchain();
  registry = await PackageRegistry.start(join(folder, "registry"));
  registry.addNpm([
    {
      name: "first-package",
      files: { "index.js": "module.exports = 'first, ' + require('second-package');" },
      dependencies: { "second-package": VERSION },
      scripts: { postinstall: "touch /work/node_modules/SCRIPT_RAN" },
    },
    { name: "second-package", files: { "index.js": "module.exports = 'second';" } },
  ]);
  registry.addWheel("wheel_package", "NAME = 'from a wheel'\n");
  project = {
    "package.json": JSON.stringify(MANIFEST),
    "package-lock.json": await registry.lockFor(MANIFEST),
    "index.js": "console.log(require('first-package'))",
    ".gitignore": "node_modules\n",
  };
}, 120_000);
afterAll(async () => {
  await registry?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  ["bubblewrap", openBubblewrap],
  ["docker", openDocker],
] as const)("layers of dependencies in %s", (name, open) => {
  let driver: SandboxDriver;
  let close: () => Promise<void>;
  let caches = 0;

  beforeAll(async () => {
    ({ driver, close } = await open());
  }, 600_000);
  afterAll(() => close?.());

  const dirOf = (cache: string) => join(folder, `cache-${name}-${cache}`);
  function layersAt(cache: string, more: Partial<ConstructorParameters<typeof Layers>[0]> = {}): Layers {
    const addresses = {
      npmRegistry: registry.npmUrl,
      pythonIndex: registry.pythonUrl,
      registryCa: registry.ca,
    };
    const log = () => {};
    return new Layers({ dir: dirOf(cache), maxBytes: 2e8, platform: name, ...addresses, log, ...more });
  }
  const freshCache = () => `${caches++}`;

  /** One job's sandboxes, as a session makes them. */
  class Job implements LayerHost {
    sandbox: Sandbox | null = null;
    made = 0;
    shown = "";
    readonly stop = new AbortController();
    constructor(private readonly files: Record<string, string> = project) {}
    get signal() {
      return this.stop.signal;
    }
    async fresh(): Promise<Sandbox> {
      await this.sandbox?.destroy();
      this.sandbox = await driver.create(LIMITS);
      this.made++;
      await restoreWorkspace(this.sandbox, bundleOf(this.files));
      return this.sandbox;
    }
    show(_: string, text: string) {
      this.shown += text;
    }
    /** A program in the sandbox as it is now. */
    run(script: string, layer: LayerSpec | null = null): Promise<CommandResult> {
      if (!this.sandbox) throw new Error("There is no sandbox.");
      return runProgram(this.sandbox, withLayer(execOf(script), layer), () => {});
    }
  }

  async function withJob<T>(use: (job: Job) => Promise<T>, files?: Record<string, string>): Promise<T> {
    const job = new Job(files);
    try {
      return await use(job);
    } finally {
      await job.sandbox?.destroy();
    }
  }

  const prepared = (layers: Layers, spec: LayerSpec, files?: Record<string, string>) =>
    withJob(
      async (job) => ({
        result: await layers.prepare(spec, job),
        ran: job.sandbox && (await job.run("node index.js", spec)).stdout,
      }),
      files,
    );

  it("installs once, and finds it the second time without asking anybody", async () => {
    const layers = layersAt(freshCache());
    const first = await prepared(layers, npmCi("a"));
    expect(first.result, first.result.stderr).toMatchObject({
      exit_code: 0,
      layer: { cached: false, not_kept: null, refused: [] },
    });
    expect(first.result.layer?.loaded_bytes).toBeGreaterThan(500);
    expect(first.ran).toBe("first, second\n");
    const asked = registry.asked.length;
    const second = await prepared(layers, npmCi("a"));
    expect(second.result).toMatchObject({ exit_code: 0, layer: { cached: true, loaded_bytes: 0 } });
    expect(second.ran).toBe("first, second\n");
    expect(registry.asked.length).toBe(asked);
  });
});

function execOf(script: string) {
  const common = { kind: "exec" as const, cwd: ".", env: {}, stdin: null, live: true };
  return { ...common, argv: ["sh", "-c", script], timeout_ms: 60_000, max_output_bytes: 100_000 };
}

/** @param letter stands for everything that a name is made of: team, lock file, command */
function layerOf(letter: string, script: string): LayerSpec {
  const name = letter.repeat(64);
  const install = { ...execOf(script), network: "registries" as const };
  return { kind: "layer", find: [name], keep: name, install, timeout_ms: 60_000, env: {}, path: [] };
}
const npmCi = (letter: string) =>
  layerOf(letter, "npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=0");
