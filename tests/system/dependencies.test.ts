// A whole runner process and the dependencies of its jobs: by its settings, over a SIGKILL in the middle, and kept for
// the next process. The app is one that speaks the protocol, the registry one on this machine.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LayerSpec } from "@/runner/protocol";
import { makeToolchain, PackageRegistry, VERSION } from "@/tests/conformance/sandbox/package-registry";
import { bundleSupervisor } from "@/tests/support/docker";
import { ProtocolServer, SNAPSHOT, shell, until } from "@/tests/support/protocol-server";

const ROOT = join(import.meta.dirname, "../..");

let folder: string;
let server: ProtocolServer;
let registry: PackageRegistry;
let runner: ChildProcess;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-dependencies-"));
  chmodSync(folder, 0o755);
  makeToolchain(join(folder, "toolchain"));
  await bundleSupervisor(join(folder, "supervisor.cjs"));
  registry = await PackageRegistry.start(join(folder, "registry"));
  registry.addNpm([{ name: "only-package", files: { "index.js": "module.exports = 'works'" } }]);
  server = await new ProtocolServer().start();
});
afterEach(async () => {
  if (runner.exitCode === null && runner.signalCode === null) {
    runner.kill("SIGTERM");
    await once(runner, "exit");
  }
  await server.stop();
  await registry.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(): void {
  runner = spawn(process.execPath, ["--import", "tsx", "runner/main.ts"], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: "test",
      FABRICA_URL: server.url,
      FABRICA_RUNNER_TOKEN: "registration",
      RUNNER_WORKERS: "1",
      RUNNER_DRIVER: "bubblewrap",
      RUNNER_STATE_DIR: join(folder, "state"),
      RUNNER_TOOLCHAIN_DIR: join(folder, "toolchain"),
      RUNNER_SUPERVISOR: join(folder, "supervisor.cjs"),
      RUNNER_ALLOWED_HOSTS: "none",
      RUNNER_MIRRORS: registry.target,
      RUNNER_NPM_REGISTRY: registry.npmUrl,
      RUNNER_REGISTRY_CA: registry.ca,
    },
    stdio: "ignore",
  });
}
const kept = () => readdirSync(join(folder, "state/layers"));

function layer(script: string): LayerSpec {
  const install = shell(script, { network: "registries", timeout_ms: 60_000, live: true });
  if (install.kind !== "exec") throw new Error("no program");
  const name = "d".repeat(64);
  return { kind: "layer", find: [name], keep: name, install, timeout_ms: 60_000, env: {}, path: [] };
}

test("a runner that is killed while it installs leaves nothing half-done, and the next one keeps what it installs", async () => {
  const manifest = { name: "project", version: "1.0.0", dependencies: { "only-package": VERSION } };
  const lock = await registry.lockFor(manifest);
  start();
  const first = server.offer();
  const write = (path: string, text: string) => server.run(shell(`cat > ${path}`, { stdin: text }), 60_000);
  await write("package.json", JSON.stringify(manifest));
  await write("package-lock.json", lock);
  await write(".gitignore", "node_modules\n");
  await server.run(SNAPSHOT);
  const dying = server.post(layer("npm ci --ignore-scripts && echo installed && sleep 600"));
  await until(() => dying.chunks.some(({ text }) => text.includes("installed")), 60_000);
  // What a runner that dies while it packs leaves behind.
  writeFileSync(join(folder, "state/layers/half.part"), "half");
  runner.kill("SIGKILL");
  await once(runner, "exit");
  first.over = true;
  expect(kept()).toEqual(["half.part"]);

  start();
  const second = server.offer({ fence: 2 });
  const installed = await server.run(layer("npm ci --ignore-scripts"), 60_000);
  expect(installed.result).toMatchObject({ exit_code: 0, layer: { cached: false, not_kept: null } });
  expect(kept()).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.layer$/)]);
  second.over = true;
  runner.kill("SIGTERM");
  await once(runner, "exit");

  start();
  const asked = registry.asked.length;
  server.offer({ fence: 3 });
  const { result } = await server.run(layer("npm ci --ignore-scripts"), 60_000);
  expect(result).toMatchObject({ exit_code: 0, layer: { cached: true } });
  const works = await server.run(shell("node -p 'require(\"only-package\")'"));
  expect(works.result.stdout).toBe("works\n");
  expect(registry.asked.length).toBe(asked);
}, 240_000);
