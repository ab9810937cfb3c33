// The driver for machines without a Docker daemon: one bubblewrap jail per command, this process is the supervisor.
// Invariant: a jail is started by an unprivileged user with an empty environment, and behind the same filter of system
// calls as a container; its process namespace dies with it. For trusted users on one machine: the kernel is shared.

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { SandboxLimits } from "../protocol";
import { type CgroupHost, createCgroup, detectCgroups, reapCgroups } from "./cgroups";
import { closeInheritedDescriptors } from "./inherited-descriptors";
import { type JailSetup, prepareJailHost } from "./jail-host";
import type { JailNetworkOptions } from "./jail-network";
import { JailSandbox } from "./jail-sandbox";
import { canMount, listJobFolders, makeJobFolder, removeJobFolder } from "./job-folder";
import { type EnforcedLimits, NoSandboxError, type Sandbox, type SandboxDriver } from "./port";
import { requireUserNamespaces } from "./user-namespaces";

/** bubblewrap must know --disable-userns and --size. */
const OLDEST_BWRAP = [0, 8];

export interface BubblewrapOptions extends JailNetworkOptions {
  stateDir: string;
  toolchainDir: string | null;
  /** Programs of external agents. */
  toolsDir?: string | null;
}

/** Makes the driver. Throws an Error with a plain sentence when bubblewrap cannot be used here. */
export async function createBubblewrapDriver(options: BubblewrapOptions): Promise<SandboxDriver> {
  requirePrograms();
  closeInheritedDescriptors();
  const isRoot = process.getuid?.() === 0;
  const host = prepareJailHost(options.stateDir, options, isRoot);
  const cgroups: CgroupHost = isRoot ? detectCgroups() : { version: 0, reason: "the runner is not root" };
  const mounts = isRoot && (await canMount(host.jobsDir));
  requireUserNamespaces(isRoot);
  const setup: JailSetup = { host, isRoot, mounts, cgroups, network: options, live: new Set() };
  const limited = cgroups.version !== 0;
  const enforced: EnforcedLimits = { memory: limited, pids: limited, cpu: limited, disk: mounts };
  return {
    name: "bubblewrap",
    enforced,
    notes: describe(setup),
    create: (limits) => createJail(setup, limits),
    reap: () => reap(setup),
  };
}

function requirePrograms(): void {
  const found = (name: string) =>
    ["/usr/local/bin", "/usr/bin", "/bin"].some((folder) => existsSync(join(folder, name)));
  if (!found("bwrap"))
    throw new Error("bubblewrap is not installed. On Debian or Ubuntu: apt-get install bubblewrap");
  for (const name of ["git", "setpriv"]) {
    if (!found(name)) throw new Error(`The program ${name} is not installed on the fixed PATH.`);
  }
  const version = execFileSync("bwrap", ["--version"], { encoding: "utf8" }).trim();
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version)?.slice(1) ?? []).map(Number);
  const [wantMajor = 0, wantMinor = 0] = OLDEST_BWRAP;
  if (major < wantMajor || (major === wantMajor && minor < wantMinor)) {
    throw new Error(`${version} is too old: version ${OLDEST_BWRAP.join(".")} or newer is needed.`);
  }
}

function describe(setup: JailSetup): string[] {
  const notes = ["bubblewrap shares the kernel with this machine: only for people whom you trust."];
  if (setup.cgroups.version === 0) {
    notes.push(`Memory, processes and processor time are not limited: ${setup.cgroups.reason}.`);
  }
  if (!setup.host.filter)
    notes.push(`System calls are not filtered: there is no filter for ${process.arch}.`);
  if (!setup.mounts) notes.push("The disk space of a job is not limited: the runner may not mount.");
  return notes;
}

async function createJail(setup: JailSetup, limits: SandboxLimits): Promise<Sandbox> {
  const name = `job-${process.pid}-${randomBytes(6).toString("hex")}`;
  const { mounts: mount, isRoot } = setup;
  const folder = join(setup.host.jobsDir, name);
  setup.live.add(name);
  try {
    await makeJobFolder(folder, limits, { mount, isRoot });
    const cgroup =
      setup.cgroups.version === 0 ? null : createCgroup(setup.cgroups, groupName(setup, name), limits);
    return new JailSandbox({ setup, limits, folder, cgroup, onGone: () => setup.live.delete(name) });
  } catch (error) {
    await removeJobFolder(folder);
    setup.live.delete(name);
    throw new NoSandboxError(`The sandbox could not be made: ${(error as Error).message}`);
  }
}

/** Names of groups carry the jobs folder, so that two runners of one machine never reap each other's. */
function groupPrefix(setup: JailSetup): string {
  return `${setup.host.jobsDir.replaceAll("/", "_")}-`;
}
function groupName(setup: JailSetup, name: string): string {
  return groupPrefix(setup) + name;
}

async function reap(setup: JailSetup): Promise<number> {
  const isLeft = (name: string) => !setup.live.has(name);
  reapCgroups(setup.cgroups, groupPrefix(setup), isLeft);
  const left = listJobFolders(setup.host.jobsDir).filter(isLeft);
  for (const name of left) await removeJobFolder(join(setup.host.jobsDir, name));
  return left.length;
}
