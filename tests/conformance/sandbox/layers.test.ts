// Dependencies of jobs in both kinds of sandbox: installed through the tunnel from a registry on this machine, kept,
// found again by who may, and by nobody else. The installer is npm itself, and pip where the sandbox has it.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LayerHost, type LayerOptions, Layers, withLayer } from "@/runner/layers";
import type { CommandResult, LayerSpec, SandboxLimits } from "@/runner/protocol";
import { runProgram } from "@/runner/run-command";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import { createDockerDriver } from "@/runner/sandbox/docker";
import { NoSandboxError, type Sandbox, type SandboxDriver } from "@/runner/sandbox/port";
import { restoreWorkspace } from "@/runner/workspace";
import { missingProgram, planDependencies, wasTooLarge } from "@/server/toolchains/dependencies";
import { bundleSupervisor, startDocker } from "@/tests/support/docker";
import { until } from "@/tests/support/protocol-server";
import { bundleOf, makeToolchain, PackageRegistry, VERSION } from "./package-registry";

const LIMITS: SandboxLimits = { memory_mb: 768, work_mb: 96, tmp_mb: 16, inodes: 20_000, cpus: 2, pids: 128 };
const MANIFEST = { name: "project", version: "1.0.0", dependencies: { "first-package": VERSION } };

let folder: string;
let registry: PackageRegistry;
let project: Record<string, string>;

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

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-layers-"));
  chmodSync(folder, 0o755);
  makeToolchain(join(folder, "toolchain"));
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
  function layersAt(cache: string, more: Partial<LayerOptions> = {}): Layers {
    const addresses = {
      npmRegistry: registry.npmUrl,
      pythonIndex: registry.pythonUrl,
      registryCa: registry.ca,
    };
    const log = () => {};
    return Layers.open({ dir: dirOf(cache), maxBytes: 2e8, platform: name, ...addresses, log, ...more });
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
      await restoreWorkspace(this.sandbox, bundleOf(folder, this.files));
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

  it("does not find what has another name, such as another team's", async () => {
    const layers = layersAt(freshCache());
    await prepared(layers, npmCi("a"));
    const other = await prepared(layers, npmCi("b"));
    expect(other.result.layer).toMatchObject({ cached: false });
    const elsewhere = await prepared(layersAt(`${caches - 1}`, { platform: "another image" }), npmCi("a"));
    expect(elsewhere.result.layer).toMatchObject({ cached: false });
    const both = { ...npmCi("c"), find: ["b".repeat(64), "c".repeat(64)] };
    expect((await prepared(layers, both)).result.layer).toMatchObject({ cached: true });
  });

  it("installs again when an archive is not what was stored", async () => {
    const cache = freshCache();
    const lines: string[] = [];
    const layers = layersAt(cache, { log: (line) => void lines.push(line) });
    await prepared(layers, npmCi("a"));
    const [file] = readdirSync(dirOf(cache));
    const path = join(dirOf(cache), file ?? "");
    const bytes = readFileSync(path);
    const at = bytes.indexOf("module.exports = 'second'");
    bytes.write("module.exports = 'forged'", at);
    writeFileSync(path, bytes);
    const again = await prepared(layers, npmCi("a"));
    expect(again.result.layer).toMatchObject({ cached: false, not_kept: null });
    expect(again.ran).toBe("first, second\n");
    expect(lines).toEqual([expect.stringContaining("not what had been stored")]);
    expect((await prepared(layers, npmCi("a"))).result.layer).toMatchObject({ cached: true });
  });

  it("keeps nothing of an installation that fails, and says what it said", async () => {
    const cache = freshCache();
    const failing = layerOf(
      "a",
      "mkdir node_modules; echo half > node_modules/half; echo no such thing >&2; exit 3",
    );
    const { result } = await prepared(layersAt(cache), failing);
    expect(result).toMatchObject({
      exit_code: 3,
      stderr: "no such thing\n",
      layer: { cached: false, not_kept: "It failed." },
    });
    expect(readdirSync(dirOf(cache))).toEqual([]);
    registry.isDown = true;
    try {
      const { result: down } = await prepared(layersAt(cache), npmCi("b"));
      expect(down.exit_code).not.toBe(0);
      expect(down.stderr).toContain("503");
    } finally {
      registry.isDown = false;
    }
    const { result: full } = await prepared(
      layersAt(cache),
      layerOf("c", "mkdir node_modules && head -c 150m /dev/zero > node_modules/large"),
    );
    expect(full.exit_code).not.toBe(0);
    expect(wasTooLarge(full.stderr)).toBe(true);
    expect(readdirSync(dirOf(cache))).toEqual([]);
  });

  it("gives a hostile installation no secret, no host and only registries, and nothing of it stays but the layer", async () => {
    const dial = (
      target: string,
    ) => `const s = require("net").connect(p.port, p.hostname, () => s.write("CONNECT ${target} HTTP/1.1\\r\\n\\r\\n"));
      s.on("data", (d) => { console.log("${target} " + String(d).split(" ")[1]); s.destroy() });`;
    const targets = ["elsewhere.test:443", "169.254.169.254:80", "127.0.0.1:22"];
    const script = [
      "env | cut -d= -f1 | sort | tr '\\n' ' '; echo",
      "cat /etc/shadow /root/.npmrc 2>/dev/null | head -c 100",
      `ls -d ${folder} 2>/dev/null`,
      `node -e '${targets
        .map((target) => `{ const p = new URL(process.env.https_proxy); ${dial(target)} }`)
        .join(" ")
        .replaceAll("'", "")}'`,
      `node -e 'require("net").connect(${registry.target.split(":")[1]}, "127.0.0.2").on("error", (e) => console.log(e.code)).on("connect", () => console.log("connected"))'`,
      "echo registry=https://evil.test > ~/.npmrc; echo stolen > index.js; echo planted > planted.js",
      "setsid sh -c 'sleep 3; touch node_modules/late' >/dev/null 2>&1 &",
      "mkdir -p node_modules/first-package; echo 'module.exports = 1' > node_modules/first-package/index.js",
    ].join("\n");
    await withJob(async (job) => {
      const layers = layersAt(freshCache());
      const spec = layerOf("a", script);
      const result = await layers.prepare(spec, job);
      expect(result, result.stderr).toMatchObject({ exit_code: 0, layer: { cached: false } });
      const [names = "", ...rest] = result.stdout.trim().split("\n");
      const known =
        /^(?:PATH|HOME|TMPDIR|LANG|PWD|OLDPWD|SHLVL|_|CI|XDG_CACHE_HOME|NODE_EXTRA_CA_CERTS|PIP_\w+|npm_config_\w+|YARN_\w+|\w*_(?:proxy|PROXY))$/;
      expect(
        names
          .trim()
          .split(" ")
          .filter((variable) => !known.test(variable)),
      ).toEqual([]);
      expect(rest.sort()).toEqual([...targets.map((target) => `${target} 403`), "ECONNREFUSED"].sort());
      expect(result.layer?.refused).toHaveLength(3);
      for (const round of ["installed", "cached"]) {
        if (round === "cached")
          expect((await layers.prepare(spec, job)).layer).toMatchObject({ cached: true });
        const left = await job.run(
          "cat index.js; ls -A /work ~; cat /work/node_modules/first-package/index.js; ls node_modules",
        );
        expect(left.stdout, round).not.toMatch(/stolen|planted|npmrc|late|fabrica-setup/);
        expect(left.stdout, round).toContain("module.exports = 1");
      }
    });
  });

  it("never takes the place of a file of the project", async () => {
    const layers = layersAt(freshCache());
    const spec = layerOf("a", "echo from the layer > made.txt; echo more > more.txt");
    await prepared(layers, spec, { ".gitignore": "made.txt\nmore.txt\n" });
    await withJob(
      async (job) => {
        expect((await layers.prepare(spec, job)).layer).toMatchObject({ cached: true });
        expect((await job.run("cat made.txt more.txt")).stdout).toBe("own\nmore\n");
      },
      { "made.txt": "own\n" },
    );
  });

  it("installs once for two jobs at a time", async () => {
    const layers = layersAt(freshCache());
    const asked = () => registry.asked.filter((path) => path.endsWith(".tgz")).length;
    const before = asked();
    const both = await Promise.all([prepared(layers, npmCi("a")), prepared(layers, npmCi("a"))]);
    expect(both.map(({ ran }) => ran)).toEqual(["first, second\n", "first, second\n"]);
    expect(both.map(({ result }) => result.layer?.cached).sort()).toEqual([false, true]);
    expect(asked() - before).toBe(2);
  });

  it("goes on for the next when the first job dies in the middle, and leaves nothing half-done", async () => {
    const cache = freshCache();
    const layers = layersAt(cache);
    const slow = layerOf("a", "mkdir -p node_modules; echo begun; sleep 60");
    const dying = new Job();
    const lost = layers.prepare(slow, dying);
    const gone = lost.catch((error: unknown) => error);
    await until(() => dying.shown.includes("begun"), 30_000);
    const next = prepared(layers, { ...slow, install: npmCi("a").install });
    await dying.sandbox?.destroy();
    expect(await gone).toBeInstanceOf(Error);
    expect((await next).result).toMatchObject({ exit_code: 0, layer: { cached: false, not_kept: null } });
    expect(readdirSync(dirOf(cache))).toHaveLength(1);
  });

  it("works without a place in the cache, and says that the next job will have to install again", async () => {
    const cache = freshCache();
    const small = layersAt(cache, { maxBytes: 500_000 });
    const spec = layerOf("a", "mkdir node_modules; head -c 1000000 /dev/zero > node_modules/large");
    await withJob(async (job) => {
      const result = await small.prepare(spec, job);
      expect(result).toMatchObject({
        exit_code: 0,
        layer: { cached: false, not_kept: expect.stringContaining("no room") },
      });
      expect((await job.run("wc -c < node_modules/large")).stdout.trim()).toBe("1000000");
    });
    expect(readdirSync(dirOf(cache))).toEqual([]);
  });

  it("comes back into later sandboxes of the job, and is not kept when it had to be installed anew", async () => {
    const cache = freshCache();
    const layers = layersAt(cache);
    await prepared(layers, npmCi("a"));
    await withJob(async (job) => {
      const asked = registry.asked.length;
      await layers.restore(npmCi("a"), await job.fresh());
      expect((await job.run("node index.js")).stdout).toBe("first, second\n");
      expect(registry.asked.length).toBe(asked);
      await layers.restore(npmCi("b"), await job.fresh());
      expect((await job.run("node index.js; ls -A")).stdout).toMatch(/^first, second\n(?!.*fabrica-setup)/s);
      expect(registry.asked.length).toBeGreaterThan(asked);
      await expect(layers.restore(layerOf("c", "echo broken; exit 1"), await job.fresh())).rejects.toThrow(
        NoSandboxError,
      );
    });
    expect(readdirSync(dirOf(cache))).toHaveLength(1);
  });

  it("serves Python with an environment of its own, or says that the sandbox has no pip", async () => {
    const setupCommand = "python3 -m pip install -r requirements.txt";
    const files = {
      "requirements.txt": `wheel_package==${VERSION}\n`,
      "index.js": "",
      "main.py": "import wheel_package; print(wheel_package.NAME)\n",
    };
    const plan = planDependencies(
      Object.keys(files).map((path) => ({ path, oid: path })),
      { folder: "", setupCommand },
    );
    if (!plan) throw new Error("no plan");
    const install = { ...layerOf("a", "").install, argv: plan.argv, env: plan.env };
    const spec = { ...layerOf("a", ""), install, env: plan.laterEnv, path: plan.laterPath };
    const layers = layersAt(freshCache());
    await withJob(async (job) => {
      await job.fresh();
      const hasPip = (await job.run("python3 -m pip --version")).exit_code === 0;
      const result = await layers.prepare(spec, job);
      if (!hasPip) return expect(missingProgram(result.stdout + result.stderr)).toMatch(/no pip/);
      expect(result, result.stderr + result.stdout).toMatchObject({
        exit_code: 0,
        layer: { cached: false, not_kept: null },
      });
      expect((await layers.prepare(spec, job)).layer).toMatchObject({ cached: true });
      expect((await job.run("python3 main.py; command -v python3", spec)).stdout).toBe(
        "from a wheel\n/work/.venv/bin/python3\n",
      );
    }, files);
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
