// Memory, process and processor limits of a jail through control groups, version 1 or 2, for a runner that is root.
// Invariant: a program joins its group before it is executed, so nothing of it ever runs outside.
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SandboxLimits } from "../protocol";
import { type CgroupMeter, meterV1, meterV2, readText } from "./cgroup-meter";

const PERIOD_US = 100_000;
/**
 * What keeps a jail together (bubblewrap and the first process of its namespace) and the three processes of each
 * jail in waiting must not eat the job's allowance.
 */
const OWN_PIDS = 12;

/** Where the kernel's control groups are, or why they cannot be used. */
export type CgroupHost =
  | { version: 1; memory: string; pids: string; cpu: string; cpuacct: string | null }
  | { version: 2; root: string }
  | { version: 0; reason: string };

/** One group that holds all programs of one sandbox. */
export interface Cgroup extends CgroupMeter {
  /** Files into which a process writes its own id to join. */
  readonly joinFiles: readonly string[];
  /** Starts the peak anew where the kernel allows it. */
  resetPeak(): void;
  processes(): number[];
  /** Kills what is in it and removes it; false when it still holds something. */
  remove(): boolean;
}

/** Looks for usable control groups. Never throws. */
export function detectCgroups(mounts = readText("/proc/self", "mounts")): CgroupHost {
  const rows = mounts.split("\n").map((line) => line.split(" "));
  const v1 = (controller: string) =>
    rows.find((row) => row[2] === "cgroup" && row[3]?.split(",").includes(controller))?.[1];
  const [memory, pids, cpu] = [v1("memory"), v1("pids"), v1("cpu")];
  if (memory && pids && cpu) {
    const locked = [memory, pids, cpu].find((path) => !writable(path));
    if (locked) return { version: 0, reason: `${locked} is not writable` };
    return { version: 1, memory, pids, cpu, cpuacct: v1("cpuacct") ?? null };
  }
  const root = rows.find((row) => row[2] === "cgroup2")?.[1];
  if (!root) return { version: 0, reason: "no control groups are mounted" };
  if (!writable(root)) return { version: 0, reason: `${root} is not writable` };
  try {
    enableControllers(root);
    mkdirSync(join(root, "fabrica"), { recursive: true });
    enableControllers(join(root, "fabrica"));
    return { version: 2, root };
  } catch (error) {
    return { version: 0, reason: `controllers cannot be enabled (${(error as Error).message})` };
  }
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function enableControllers(path: string): void {
  const missing = ["memory", "pids", "cpu"].filter(
    (name) => !readText(path, "cgroup.subtree_control").includes(name),
  );
  for (const name of missing) writeFileSync(join(path, "cgroup.subtree_control"), `+${name}`);
}

/** Makes the group `fabrica/<name>` with the limits. Throws when the kernel refuses one of them. */
export function createCgroup(host: CgroupHost, name: string, limits: SandboxLimits): Cgroup {
  if (host.version === 0) throw new Error(host.reason);
  return host.version === 1 ? createV1(host, name, limits) : createV2(host.root, name, limits);
}

function createV1(host: CgroupHost & { version: 1 }, name: string, limits: SandboxLimits): Cgroup {
  const at = (root: string) => join(root, "fabrica", name);
  const [memory, pids, cpu] = [at(host.memory), at(host.pids), at(host.cpu)];
  const cpuacct = host.cpuacct ? at(host.cpuacct) : null;
  const folders = [...new Set([memory, pids, cpu, ...(cpuacct ? [cpuacct] : [])])];
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const bytes = String(limits.memory_mb * 1024 * 1024);
  writeFileSync(join(memory, "memory.limit_in_bytes"), bytes);
  const swap = join(memory, "memory.memsw.limit_in_bytes");
  if (existsSync(swap)) writeFileSync(swap, bytes);
  writeFileSync(join(pids, "pids.max"), String(limits.pids + OWN_PIDS));
  writeFileSync(join(cpu, "cpu.cfs_period_us"), String(PERIOD_US));
  writeFileSync(join(cpu, "cpu.cfs_quota_us"), String(Math.ceil(limits.cpus * PERIOD_US)));
  return {
    joinFiles: folders.map((folder) => join(folder, "cgroup.procs")),
    ...meterV1(memory, cpuacct),
    resetPeak: () => writeFileSync(join(memory, "memory.max_usage_in_bytes"), "0"),
    processes: () => processesOf(pids),
    remove: () => removeGroups(folders),
  };
}

function createV2(root: string, name: string, limits: SandboxLimits): Cgroup {
  const path = join(root, "fabrica", name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "memory.max"), String(limits.memory_mb * 1024 * 1024));
  if (existsSync(join(path, "memory.swap.max"))) writeFileSync(join(path, "memory.swap.max"), "0");
  writeFileSync(join(path, "pids.max"), String(limits.pids + OWN_PIDS));
  writeFileSync(join(path, "cpu.max"), `${Math.ceil(limits.cpus * PERIOD_US)} ${PERIOD_US}`);
  return {
    joinFiles: [join(path, "cgroup.procs")],
    ...meterV2(path),
    // Kernels before 6.12 refuse to reset the peak for everyone; the highest value of the job is kept then.
    resetPeak: () => {},
    processes: () => processesOf(path),
    remove: () => removeGroups([path]),
  };
}

function processesOf(path: string): number[] {
  return readText(path, "cgroup.procs").split("\n").filter(Boolean).map(Number);
}

function removeGroups(folders: string[]): boolean {
  let gone = true;
  for (const folder of folders) {
    for (const pid of processesOf(folder)) killQuietly(pid);
    try {
      if (existsSync(folder)) rmdirSync(folder);
    } catch {
      gone = false;
    }
  }
  return gone;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was gone already: that is what was wanted.
  }
}

/** Removes the groups `<prefix><name>` for which `isLeft(name)` holds. Returns how many there were. */
export function reapCgroups(host: CgroupHost, prefix: string, isLeft: (name: string) => boolean): number {
  if (host.version === 0) return 0;
  const roots = host.version === 2 ? [host.root] : [host.memory, host.pids, host.cpu, host.cpuacct];
  const found = new Set<string>();
  for (const root of new Set(roots.filter((path): path is string => path !== null))) {
    const parent = join(root, "fabrica");
    if (!existsSync(parent)) continue;
    for (const name of readdirSync(parent)) {
      if (!name.startsWith(prefix) || !isLeft(name.slice(prefix.length))) continue;
      found.add(name);
      removeGroups([join(parent, name)]);
    }
  }
  return found.size;
}
