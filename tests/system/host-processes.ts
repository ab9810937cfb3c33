/** Looks at the processes of this host through /proc, for tests that must know what is running. */
import { readdirSync, readFileSync } from "node:fs";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // It ended meanwhile.
  }
}

interface Stat {
  state: string;
  parent: number;
  group: number;
  /** Ticks of CPU time, user and system together. */
  cpuTicks: number;
}

function statOf(pid: number): Stat | null {
  const text = read(`/proc/${pid}/stat`);
  if (!text) return null;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    state: fields[0] ?? "",
    parent: Number(fields[1]),
    group: Number(fields[2]),
    cpuTicks: Number(fields[11]) + Number(fields[12]),
  };
}

/** Every process id of the host. */
function everyPid(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** A zombie counts as gone: it only waits for somebody to read its exit code. */
export function isAlive(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== null && stat.state !== "Z" && stat.state !== "X";
}

export interface HostProcess {
  pid: number;
  /** Its command line with blanks between the arguments. */
  command: string;
}

/** Its command line is empty when it has ended meanwhile. */
export const describeProcess = (pid: number): HostProcess => ({
  pid,
  command: read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim(),
});

/** Direct children of a process. */
export function childrenOf(parent: number): HostProcess[] {
  return everyPid()
    .filter((pid) => statOf(pid)?.parent === parent)
    .map(describeProcess);
}

/** Everything below a process, at whatever depth. */
export function membersOf(root: number): number[] {
  const parents = new Map(everyPid().map((pid) => [pid, statOf(pid)?.parent]));
  const below = new Set<number>([root]);
  for (let before = 0; below.size !== before; ) {
    before = below.size;
    for (const [pid, parent] of parents) if (parent !== undefined && below.has(parent)) below.add(pid);
  }
  below.delete(root);
  return [...below];
}

/** Live processes whose command line holds `text`. */
export function processesWith(text: string): HostProcess[] {
  return everyPid()
    .filter(isAlive)
    .map(describeProcess)
    .filter(({ command }) => command.includes(text));
}

/** What processes use now: CPU ticks so far, resident and proportional memory in bytes. */
export function usageOf(pids: readonly number[]): { cpuTicks: number; rss: number; pss: number } {
  const sum = { cpuTicks: 0, rss: 0, pss: 0 };
  for (const pid of pids) {
    sum.cpuTicks += statOf(pid)?.cpuTicks ?? 0;
    const memory = read(`/proc/${pid}/smaps_rollup`);
    const kilobytes = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(memory)?.[1] ?? 0);
    sum.rss += kilobytes("Rss") * 1024;
    sum.pss += kilobytes("Pss") * 1024;
  }
  return sum;
}
