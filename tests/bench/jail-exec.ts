/**
 * Measures a command in a bubblewrap jail through the driver: `true` and a small write, after a pause (as between an
 * agent's answers), back to back and four at once; beside a bare setpriv + bwrap with the same isolation as the floor.
 * The kinds take turns within one run, so that a busy machine disturbs all of them alike. Needs root.
 * Run: npx tsx tests/bench/jail-exec.ts [rounds]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import { SANDBOX_UID, type Sandbox } from "@/runner/sandbox/port";

const ROUNDS = Number(process.argv[2] ?? 40);
/** Longer than a jail takes to be made, and shorter than a model takes to answer. */
const PAUSE_MS = 60;
const LIMITS = { memory_mb: 512, work_mb: 64, tmp_mb: 16, inodes: 5_000, cpus: 2, pids: 128 };
const WRITE = 'd=$(dirname -- "$0"); mkdir -p -- "$d" && [ ! -L "$0" ] && cat > "$0"';
const LEAN_WRITE = `case "$0" in */*) d="\${0%/*}/"; [ -d "$d" ] || mkdir -p -- "$d" || exit;; esac; [ ! -L "$0" ] && exec cat > "$0"`;

const FLOOR = [
  ...["--reuid", `${SANDBOX_UID}`, "--regid", `${SANDBOX_UID}`, "--clear-groups", "--no-new-privs", "--"],
  ...[
    "bwrap",
    "--unshare-all",
    "--unshare-user",
    "--disable-userns",
    "--cap-drop",
    "ALL",
    "--die-with-parent",
  ],
  ...[
    "--new-session",
    "--ro-bind",
    "/usr",
    "/usr",
    "--symlink",
    "usr/bin",
    "/bin",
    "--symlink",
    "usr/lib",
    "/lib",
  ],
  ...[
    "--symlink",
    "usr/lib64",
    "/lib64",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",
    "--",
    "true",
  ],
];

async function floor(): Promise<void> {
  const child = spawn("setpriv", FLOOR, { stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`The bare jail ended with ${code}.`);
}

async function exec(sandbox: Sandbox, argv: string[], stdin: Uint8Array | null = null): Promise<void> {
  const { exitCode } = await sandbox.exec({ argv, stdin, timeoutMs: 20_000, maxOutputBytes: 10_000 });
  if (exitCode !== 0) throw new Error(`${argv.join(" ")} ended with ${exitCode}.`);
}

const content = Buffer.alloc(4_000, "text of a file\n");
const KINDS: Record<string, (sandbox: Sandbox, round: number) => Promise<unknown>> = {
  "bare setpriv + bwrap true (floor)": floor,
  "driver: true after a pause": (sandbox) => exec(sandbox, ["true"]),
  "driver: true at once after another": (sandbox) => exec(sandbox, ["true"]),
  "driver: write, as the tool does": (sandbox, n) =>
    exec(sandbox, ["sh", "-c", WRITE, `src/a${n}.txt`], content),
  "driver: write without dirname and mkdir": (sandbox, n) =>
    exec(sandbox, ["sh", "-c", LEAN_WRITE, `src/b${n}.txt`], content),
  "driver: true with the repository": (sandbox) =>
    sandbox.exec({ argv: ["true"], repository: true, timeoutMs: 20_000, maxOutputBytes: 10 }),
  "driver: four at once": (sandbox) => Promise.all([1, 2, 3, 4].map(() => exec(sandbox, ["true"]))),
};
const AT_ONCE = "driver: true at once after another";

function show(kind: string, times: number[]): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(2).padStart(8);
  process.stdout.write(
    `${kind.padEnd(44)}${at(0)}${at(0.5)}${at(0.95)}${at(1)} ms (min, median, p95, max)\n`,
  );
}

async function main(): Promise<void> {
  const stateDir = mkdtempSync(join(tmpdir(), "fabrica-jail-bench-"));
  chmodSync(stateDir, 0o755);
  const driver = await createBubblewrapDriver({ stateDir, toolchainDir: null });
  const sandbox = await driver.create(LIMITS);
  try {
    const times = new Map<string, number[]>(Object.keys(KINDS).map((kind) => [kind, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [kind, run] of Object.entries(KINDS)) {
        if (kind !== AT_ONCE) await delay(PAUSE_MS);
        const started = performance.now();
        await run(sandbox, round);
        times.get(kind)?.push(performance.now() - started);
      }
    }
    for (const [kind, all] of times) show(kind, all.slice(1));
  } finally {
    await sandbox.destroy();
    await driver.reap();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

await main();
