import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ownMeter } from "./cgroup-meter";
import { createCgroup, detectCgroups } from "./cgroups";

const LIMITS = { memory_mb: 256, work_mb: 64, tmp_mb: 16, inodes: 1000, cpus: 1.5, pids: 100 };

// A plain folder stands for the kernel's, because a machine has one version only; what the kernel then enforces is
// shown by the conformance suite and by the probe on every machine.
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "fabrica-cgroups-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const text = (path: string) => readFileSync(join(root, path), "utf8");

describe("control groups, version 2", () => {
  beforeEach(() => {
    writeFileSync(join(root, "cgroup.subtree_control"), "cpuset cpu io memory pids\n");
    mkdirSync(join(root, "fabrica"));
    writeFileSync(join(root, "fabrica/cgroup.subtree_control"), "");
  });

  it("are found, limited and read", () => {
    const host = detectCgroups(`proc /proc proc rw 0 0\ncgroup2 ${root} cgroup2 rw,nosuid 0 0\n`);
    expect(host).toEqual({ version: 2, root });
    const group = createCgroup(host, "job", LIMITS);
    expect(text("fabrica/job/memory.max")).toBe(String(256 * 1024 * 1024));
    expect(text("fabrica/job/cpu.max")).toBe("150000 100000");
    expect(Number(text("fabrica/job/pids.max"))).toBeGreaterThanOrEqual(100);
    expect(group.joinFiles).toEqual([join(root, "fabrica/job/cgroup.procs")]);
    writeFileSync(join(root, "fabrica/job/memory.events"), "low 0\noom 5\noom_kill 3\noom_group_kill 0\n");
    writeFileSync(join(root, "fabrica/job/cpu.stat"), "usage_usec 9\nuser_usec 2500\nsystem_usec 1500\n");
    writeFileSync(join(root, "fabrica/job/memory.peak"), "2048\n");
    expect(group.oomKills()).toBe(3);
    expect(group.cpuTime()).toEqual({ userMs: 2.5, systemMs: 1.5 });
    expect(group.peakKb()).toBe(2);
  });

  it("are left alone when version 1 has the controllers", () => {
    for (const name of ["memory", "pids", "cpu"]) mkdirSync(join(root, name));
    const v1 = ["memory", "pids", "cpu"].map((name) => `cgroup ${join(root, name)} cgroup rw,${name} 0 0`);
    const host = detectCgroups([`cgroup2 ${root} cgroup2 rw 0 0`, ...v1].join("\n"));
    expect(host).toMatchObject({ version: 1, memory: join(root, "memory"), cpuacct: null });
  });
});

describe("control groups that cannot be used", () => {
  it("are told with the reason", () => {
    expect(detectCgroups("proc /proc proc rw 0 0\n")).toEqual({
      version: 0,
      reason: "no control groups are mounted",
    });
    const missing = join(root, "missing");
    expect(detectCgroups(`cgroup2 ${missing} cgroup2 rw 0 0\n`)).toMatchObject({ version: 0 });
  });
});

describe("the group of a container itself", () => {
  it("is read in either version, or missing", () => {
    expect(ownMeter(root)).toBeNull();
    writeFileSync(join(root, "memory.events"), "oom_kill 1\n");
    expect(ownMeter(root)?.oomKills()).toBe(1);
    mkdirSync(join(root, "memory"));
    writeFileSync(join(root, "memory/memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
    expect(ownMeter(root)?.oomKills()).toBe(7);
    expect(ownMeter(root)?.cpuTime()).toEqual({ userMs: 0, systemMs: 0 });
  });
});
