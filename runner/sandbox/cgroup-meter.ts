// Reads what the kernel counts for a control group, version 1 or 2. Shared by the jail and the supervisor.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Processor time in milliseconds. */
export interface CpuTime {
  userMs: number;
  systemMs: number;
}

export interface CgroupMeter {
  /** Programs that the kernel has killed for want of memory, since the group was made. */
  oomKills(): number;
  cpuTime(): CpuTime;
  /** Highest memory use so far, in KiB. */
  peakKb(): number;
}

/** Reads version 1 folders. */
export function meterV1(memory: string, cpuacct: string | null): CgroupMeter {
  const milliseconds = (file: string) => (cpuacct ? Number(readText(cpuacct, file)) || 0 : 0) / 1e6;
  return {
    oomKills: () => field(readText(memory, "memory.oom_control"), "oom_kill"),
    cpuTime: () => ({
      userMs: milliseconds("cpuacct.usage_user"),
      systemMs: milliseconds("cpuacct.usage_sys"),
    }),
    peakKb: () => Math.round((Number(readText(memory, "memory.max_usage_in_bytes")) || 0) / 1024),
  };
}

/** Reads a version 2 folder. */
export function meterV2(path: string): CgroupMeter {
  const milliseconds = (name: string) => field(readText(path, "cpu.stat"), name) / 1000;
  return {
    oomKills: () => field(readText(path, "memory.events"), "oom_kill"),
    cpuTime: () => ({ userMs: milliseconds("user_usec"), systemMs: milliseconds("system_usec") }),
    peakKb: () => Math.round((Number(readText(path, "memory.peak")) || 0) / 1024),
  };
}

/** The group of this very container, as it is mounted inside; null where it is not. */
export function ownMeter(root = "/sys/fs/cgroup"): CgroupMeter | null {
  if (existsSync(join(root, "memory/memory.oom_control"))) {
    const cpuacct = ["cpuacct", "cpu,cpuacct"]
      .map((name) => join(root, name))
      .find((path) => existsSync(path));
    return meterV1(join(root, "memory"), cpuacct ?? null);
  }
  return existsSync(join(root, "memory.events")) ? meterV2(root) : null;
}

/** The text of a file of a group; empty when it cannot be read. */
export function readText(folder: string, file: string): string {
  try {
    return readFileSync(join(folder, file), "utf8");
  } catch {
    return "";
  }
}

function field(text: string, name: string): number {
  const match = new RegExp(`^${name} (\\d+)$`, "m").exec(text);
  return match ? Number(match[1]) : 0;
}
