/**
 * Measures the way of an existing repository: from a real git server on loopback into the mirror, into a job's
 * repository, into a bubblewrap jail by the runner's own code, and a one-file change back out of it until it is a commit.
 * Needs root for the jail; `--plain` restores into a plain folder instead. Raw figures: min, median, max.
 * Run: npx tsx tests/bench/mirror.ts [files] [rounds] [--plain]
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import type { Sandbox } from "@/runner/sandbox/port";
import { bundleWorkspace, restoreWorkspace } from "@/runner/workspace";
import { beginFromMirror } from "@/server/workspaces/change-base";
import { git } from "@/server/workspaces/git";
import { importBundle } from "@/server/workspaces/import-bundle";
import { refreshMirror } from "@/server/workspaces/mirror";
import { exportBundle } from "@/server/workspaces/repository";
import { SandboxRepository, streamOf } from "@/server/workspaces/sandbox-repository.fixture";
import { GitServer } from "@/tests/support/git-server";

const [files = 10_000, rounds = 7] = process.argv
  .slice(2)
  .filter((arg) => !arg.startsWith("-"))
  .map(Number);
const plain = process.argv.includes("--plain");
const LIMITS = { memory_mb: 1024, work_mb: 512, tmp_mb: 64, inodes: 200_000, cpus: 2, pids: 256 };

const folder = mkdtempSync(join(tmpdir(), "fabrica-mirror-bench-"));
const mirror = join(folder, "mirrors", "project.git");
const times = new Map<string, number[]>();

async function measure<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  times.set(what, [...(times.get(what) ?? []), performance.now() - started]);
  return result;
}

/** Sources of a plausible size with a history of a few commits, made by git in one go. */
function fill(dir: string): string {
  const work = join(folder, "work");
  const run = (args: string[]) =>
    execFileSync(
      "git",
      ["-c", "gc.auto=0", "-c", "user.name=Bench", "-c", "user.email=bench@example.invalid", ...args],
      {
        cwd: work,
      },
    );
  mkdirSync(work);
  run(["init", "--quiet", "--initial-branch=main"]);
  for (let index = 0; index < files; index += 1) {
    const path = join(work, `packages/p${index % 40}/src/m${index % 13}/file-${index}.ts`);
    if (index < 40 * 13 * 2) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `export const value${index} = ${index * 7919};\n`.repeat(30 + (index % 50)));
  }
  for (const part of ["packages/p1", "packages/p2", "."]) {
    run(["add", part]);
    run(["commit", "--quiet", "--message", `Add ${part}`]);
  }
  run(["push", "--quiet", dir, "main"]);
  return run(["rev-parse", "HEAD"]).toString().trim();
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** One job: begun, restored, one file changed, taken in. */
async function oneJob(id: string, commit: string, create: () => Promise<Sandbox | null>): Promise<number> {
  const dir = join(folder, "repos", `${id}.git`);
  const { root } = await measure("job's repository begun from the mirror", () =>
    beginFromMirror(dir, mirror, commit),
  );
  const sandbox = await create();
  try {
    const started = performance.now();
    const bundle = await measure("bundle written", async () => bytesOf(await exportBundle(dir, root)));
    await measure("bundle restored", async () => {
      if (sandbox) await restoreWorkspace(sandbox, bundle);
      else restorePlain(bundle, id);
    });
    times.set("IN: cached repository into a sandbox", [
      ...(times.get("IN: cached repository into a sandbox") ?? []),
      performance.now() - started,
    ]);
    if (sandbox) await oneChange(dir, root, sandbox);
    return bundle.length;
  } finally {
    await sandbox?.destroy();
  }
}

async function oneChange(dir: string, root: string, sandbox: Sandbox): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) {
    await sandbox.exec({
      argv: ["sh", "-c", `echo "export const turn = ${turn};" > packages/p3/src/turn.ts`],
      timeoutMs: 10_000,
      maxOutputBytes: 1_000,
    });
    const started = performance.now();
    const { bytes } = await measure("snapshot in the sandbox", () =>
      bundleWorkspace(sandbox, root, "Turn", 60_000),
    );
    const taken = await measure("snapshot taken in", () =>
      importBundle(dir, streamOf(Buffer.from(bytes), 65_536), { parent: root, message: "Turn" }),
    );
    times.set("OUT: one-file change, snapshot to committed", [
      ...(times.get("OUT: one-file change, snapshot to committed") ?? []),
      performance.now() - started,
    ]);
    if (taken.unchanged) throw new Error("nothing was taken in");
  }
}

function restorePlain(bundle: Buffer, id: string): void {
  const file = join(folder, `${id}.bundle`);
  writeFileSync(file, bundle);
  const repository = new SandboxRepository();
  repository.restore(file);
  repository.remove();
}

function show(): void {
  for (const [what, all] of times) {
    const sorted = [...all].sort((a, b) => a - b);
    const at = (share: number) =>
      (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(0).padStart(7);
    process.stdout.write(`${what.padEnd(46)}${at(0)}${at(0.5)}${at(1)} ms of ${all.length}\n`);
  }
}

async function main(): Promise<void> {
  const server = await GitServer.start();
  const stateDir = join(folder, "state");
  mkdirSync(stateDir);
  chmodSync(folder, 0o755);
  const driver = plain ? null : await createBubblewrapDriver({ stateDir, toolchainDir: null });
  try {
    const commit = fill(server.create("project").dir);
    const remote = { url: server.url("project"), username: null, token: null };
    const rules = { hosts: [], remotes: [server.origin] };
    const load = loadavg().map((value) => value.toFixed(2));
    process.stdout.write(
      `${new Date().toISOString()} ${cpus().length} x ${cpus()[0]?.model}, load ${load}\n`,
    );
    await measure("mirror made", () => refreshMirror(mirror, remote, rules));
    for (let round = 0; round < rounds * 3; round += 1)
      await measure("LOOK: refresh of an unchanged remote", () => refreshMirror(mirror, remote, rules));
    await measure("floor: git version", () => git(["version"], { dir: mirror }));
    let size = 0;
    for (let round = 0; round < rounds; round += 1) {
      size = await oneJob(`job-${round}`, commit, async () => (await driver?.create(LIMITS)) ?? null);
    }
    process.stdout.write(
      `${files} files, bundle of ${(size / 1024 / 1024).toFixed(1)} MiB; min, median, max\n`,
    );
    show();
  } finally {
    await server.stop();
    await driver?.reap();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
