// Small hostile programs that are run in a real sandbox at every start, before the runner offers itself for work.
// Invariant 10: what cannot be shown to hold counts as failed; what the driver says it cannot limit is a warning.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProbeCheck, SandboxLimits } from "./protocol";
import type { EnforcedLimits, ExecOutcome, Sandbox, SandboxDriver } from "./sandbox/port";
import { SANDBOX_UID } from "./sandbox/port";

const LIMITS: SandboxLimits = { memory_mb: 192, work_mb: 16, tmp_mb: 4, inodes: 1_000, cpus: 1, pids: 32 };
const CHECK_MS = 10_000;

/** What the probe found. */
export interface ProbeReport {
  checks: ProbeCheck[];
  /** Programs that a sandbox offers, by name, with their versions. */
  programs: Record<string, string>;
}

interface Ran extends ExecOutcome {
  stdout: string;
  stderr: string;
}
type Run = (script: string, timeoutMs?: number) => Promise<Ran>;

interface Canary {
  path: string;
  port: number;
}

interface Check {
  name: string;
  /** The limit that must be enforced for this check to make sense; without it the answer is a warning. */
  needs?: keyof EnforcedLimits;
  /** Returns null when the limit holds, or what happened instead. */
  test(run: Run, canary: Canary): Promise<string | null>;
}

const SECRET = "fabrica-probe-canary";

// Each answer but "not permitted" or "no such call" names a hole. A sandbox with a kernel of its own (gVisor says so in
// its log, which nobody can read elsewhere) may well have these calls: they do not reach the host's kernel.
const FILTERED = `
dmesg 2>/dev/null | grep -q gVisor && exit 0
command -v python3 >/dev/null || { grep -q '^Seccomp:.*2$' /proc/self/status || echo 'any call'; exit 0; }
exec python3 -c '
import ctypes, errno, platform, socket
column = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
calls = {"keyctl": (250, 219), "io_uring_setup": (425, 425), "bpf": (321, 280), "perf_event_open": (298, 241),
  "userfaultfd": (323, 282), "ptrace": (101, 117), "process_vm_readv": (310, 270), "mount": (165, 40)}
libc = ctypes.CDLL(None, use_errno=True)
for name, numbers in calls.items() if column is not None else []:
    ctypes.set_errno(0)
    answer = libc.syscall(numbers[column], 0, 0, 0, 0, 0, 0)
    if answer >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS): print(name)
for family in (17, 40) if column is not None else []:
    try: socket.socket(family, socket.SOCK_RAW); print("socket", family)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EAFNOSUPPORT): print("socket", family)
'`;

const CHECKS: readonly Check[] = [
  {
    name: "unprivileged user",
    async test(run) {
      const { stdout } = await run("id -u; grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs):' /proc/self/status");
      const wanted = [`${SANDBOX_UID}`, "CapPrm:0*$", "CapEff:0*$", "NoNewPrivs:1$"];
      const text = stdout.replaceAll(/[\t ]/g, "");
      return wanted.every((part) => new RegExp(part, "m").test(text))
        ? null
        : `it was ${text.replaceAll("\n", " ")}`;
    },
  },
  {
    name: "empty environment",
    async test(run) {
      const { stdout } = await run("env; tr '\\0' '\\n' < /proc/1/environ 2>/dev/null || true");
      const names = new Set(stdout.split("\n").flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []));
      // HOSTNAME is the container's own id, which Docker always sets.
      const known = new Set(["PATH", "HOME", "TMPDIR", "LANG", "PWD", "OLDPWD", "SHLVL", "_", "HOSTNAME"]);
      const odd = [...names].filter((name) => !known.has(name));
      return odd.length === 0 ? null : `it also held ${odd.join(", ")}`;
    },
  },
  {
    name: "no host files",
    async test(run, canary) {
      const paths = `${canary.path} /etc/shadow /var/run/docker.sock /run/docker.sock /root/.ssh`;
      const { stdout } = await run(
        `for f in ${paths}; do [ -r "$f" ] && echo "$f"; done; cat ${canary.path} 2>&1`,
      );
      return stdout.includes(SECRET) || /^\//m.test(stdout)
        ? `it could read ${stdout.trim().slice(0, 200)}`
        : null;
    },
  },
  {
    name: "read-only system",
    async test(run) {
      const { stdout } = await run(
        "for d in / /usr /etc /dev /opt /opt/toolchain /usr/bin; do (: > $d/fabrica-probe) 2>/dev/null && echo $d; done",
      );
      return stdout.trim() === "" ? null : `it could write to ${stdout.trim().replaceAll("\n", " ")}`;
    },
  },
  {
    name: "no network",
    async test(run, canary) {
      const { stdout } = await run(
        `awk -F: 'NR > 2 && $1 !~ /lo/ { print "interface" $1 }' /proc/net/dev; ` +
          `node -e 'const s = require("net").connect(${canary.port}, "127.0.0.1");` +
          ` s.on("connect", () => { console.log("connected"); s.destroy() }); s.on("error", () => {})'`,
      );
      return /interface|connected/.test(stdout) ? `it saw ${stdout.trim()}` : null;
    },
  },
  {
    name: "no new namespaces or mounts",
    async test(run) {
      const { stdout } = await run(
        "unshare -Ur true 2>/dev/null && echo unshare; mount -t tmpfs none /tmp 2>/dev/null && echo mount; true",
      );
      return stdout.trim() === "" ? null : `${stdout.trim().replaceAll("\n", ", ")} worked`;
    },
  },
  {
    name: "filtered system calls",
    async test(run) {
      const { exitCode, stdout, stderr } = await run(FILTERED);
      if (exitCode !== 0) return `it could not be tried: ${stderr.trim().slice(-200)}`;
      return stdout.trim() === "" ? null : `${stdout.trim().replaceAll("\n", ", ")} reached the kernel`;
    },
  },
  {
    name: "time limit",
    async test(run) {
      const { timedOut, durationMs } = await run("trap '' TERM; while :; do sleep 1; done", 150);
      return timedOut && durationMs < 5_000 ? null : `it ran for ${Math.round(durationMs)} ms`;
    },
  },
  {
    name: "nothing left over",
    async test(run) {
      await run("for i in 1 2 3 4 5; do setsid sleep 4242 & done; exit 0");
      const { stdout } = await run(
        "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c 'sleep 424[2]'",
      );
      return stdout.trim() === "0" ? null : `${stdout.trim()} processes outlived their command`;
    },
  },
  {
    name: "memory limit",
    needs: "memory",
    async test(run) {
      const { exitCode, outOfMemory } = await run("tail -n 1 < /dev/zero");
      if (exitCode === 0) return "a program took more memory than allowed";
      return outOfMemory === "no" ? "the kernel did not report that it stopped the program" : null;
    },
  },
  {
    name: "process limit",
    needs: "pids",
    async test(run) {
      const count = LIMITS.pids * 3;
      const { stdout } = await run(
        `i=0; while [ $i -lt ${count} ]; do sleep 5 >/dev/null & i=$((i+1)); echo $i; done 2>/dev/null | tail -n 1`,
        3_000,
      );
      return Number(stdout.trim()) >= count ? `${count} processes could be started` : null;
    },
  },
  {
    name: "processor limit",
    needs: "cpu",
    async test(run) {
      const { userMs, systemMs, durationMs } = await run(
        "burn() { while :; do :; done; }; burn & burn & burn & sleep 0.3; kill $(jobs -p) 2>/dev/null; exit 0",
      );
      const used = userMs + systemMs;
      const allowed = durationMs * LIMITS.cpus + 150;
      return used > allowed
        ? `${Math.round(used)} ms of processor time in ${Math.round(durationMs)} ms`
        : null;
    },
  },
  {
    name: "disk limit",
    needs: "disk",
    async test(run) {
      const { stdout } = await run(
        `for d in /work /tmp; do dd if=/dev/zero of=$d/big bs=1M count=${LIMITS.work_mb + 8} 2>/dev/null && echo $d; ` +
          "rm -f $d/big; done; true",
      );
      return stdout.trim() === "" ? null : `${stdout.trim().replaceAll("\n", " ")} took more than its size`;
    },
  },
  {
    name: "file count limit",
    needs: "disk",
    async test(run) {
      const { stdout } = await run(
        `mkdir -p m && cd m && seq ${LIMITS.inodes * 2} | xargs touch 2>/dev/null; ls | wc -l; cd .. && rm -rf m`,
      );
      return Number(stdout.trim()) >= LIMITS.inodes * 2 ? "more files than allowed could be made" : null;
    },
  },
];

const PROGRAMS = `
for p in node python3 git; do command -v $p >/dev/null && printf '%s %s\\n' "$p" "$($p --version 2>&1 | head -n 1)"; done
command -v python3 >/dev/null && printf 'pytest %s\\n' "$(python3 -c 'import importlib.metadata as m; print(m.version("pytest"))' 2>/dev/null)"
true`;

/**
 * Runs every check in one sandbox of the driver. Never throws: a sandbox that cannot be made is a failed check.
 * @param instance this runner's own name, so that the next start clears away what a killed one has left
 */
export async function probe(driver: SandboxDriver, instance: string): Promise<ProbeReport> {
  // Everybody on the host may read it: that a sandbox cannot is then the sandbox's doing.
  const folder = join(tmpdir(), `fabrica-probe-${instance}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o755 });
  const path = join(folder, "canary");
  writeFileSync(path, SECRET, { mode: 0o644 });
  const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  let sandbox: Sandbox | null = null;
  try {
    await new Promise((resolve) => server.once("listening", resolve));
    const port = (server.address() as { port: number }).port;
    sandbox = await driver.create(LIMITS);
    const run = runner(sandbox);
    const programs = parsePrograms((await run(PROGRAMS)).stdout);
    const checks: ProbeCheck[] = [presence(programs)];
    if (driver.notes.length > 0) {
      checks.push({ name: "isolation", result: "warn", detail: driver.notes.join(" ").slice(0, 500) });
    }
    for (const check of CHECKS) checks.push(await runCheck(check, driver.enforced, run, { path, port }));
    return { checks, programs };
  } catch (error) {
    const detail = (error instanceof Error ? error.message : String(error)).slice(0, 500);
    return { checks: [{ name: "sandbox", result: "fail", detail }], programs: {} };
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
    await sandbox?.destroy();
  }
}

function runner(sandbox: Sandbox): Run {
  return async (script, timeoutMs = CHECK_MS) => {
    const text = { stdout: "", stderr: "" };
    const outcome = await sandbox.exec({
      argv: ["sh", "-c", script],
      timeoutMs,
      maxOutputBytes: 64 * 1024,
      onOutput: (stream, data) => {
        text[stream] += data.toString("utf8");
      },
    });
    return { ...outcome, ...text };
  };
}

async function runCheck(
  check: Check,
  enforced: EnforcedLimits,
  run: Run,
  canary: Canary,
): Promise<ProbeCheck> {
  const { name, needs } = check;
  if (needs && !enforced[needs]) return { name, result: "warn", detail: "not limited on this machine" };
  try {
    const problem = await check.test(run, canary);
    if (problem === null) return { name, result: "pass", detail: "holds" };
    return { name, result: "fail", detail: problem.slice(0, 500) };
  } catch (error) {
    return { name, result: "fail", detail: String(error).slice(0, 500) };
  }
}

function parsePrograms(text: string): Record<string, string> {
  const programs: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const match = /^(\w+) \D*(\d[\w.+-]*)/.exec(line);
    if (match?.[1] && match[2])
      programs[match[1] === "python3" ? "python" : match[1]] = match[2].slice(0, 80);
  }
  return programs;
}

function presence(programs: Record<string, string>): ProbeCheck {
  const name = "programs";
  const missing = ["node", "python", "git"].filter((program) => !programs[program]);
  if (missing.includes("git") || missing.includes("node")) {
    return { name, result: "fail", detail: `missing in the sandbox: ${missing.join(", ")}` };
  }
  if (missing.length > 0)
    return { name, result: "warn", detail: `missing in the sandbox: ${missing.join(", ")}` };
  return { name, result: "pass", detail: "node, python and git are there" };
}
