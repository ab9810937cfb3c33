// The folders of one jailed job on the host: sized tmpfs where the runner may mount, plain folders elsewhere.
// Invariant: the host never reads or writes anything in them after the first program has run, but to remove them.
import { execFile } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { SandboxLimits } from "../protocol";
import { gitMegabytes, SANDBOX_UID } from "./port";

const run = promisify(execFile);
const PARTS = ["work", "tmp", "git"] as const;

/** Whether this process may mount a tmpfs (tried once, in `parent`). */
export async function canMount(parent: string): Promise<boolean> {
  const probe = join(parent, `mount-${process.pid}`);
  mkdirSync(probe, { recursive: true });
  try {
    // In a mount namespace of its own, with which it goes: whoever is killed meanwhile leaves nothing mounted.
    await run("unshare", ["--mount", "mount", ...tmpfsAt(probe, "size=64k,mode=0700")]);
    return true;
  } catch {
    return false;
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

function mountTmpfs(path: string, options: string): Promise<unknown> {
  return run("mount", tmpfsAt(path, options));
}

const tmpfsAt = (path: string, options: string) => [
  ...["-t", "tmpfs", "-o", `nosuid,nodev,${options}`, "fabrica", path],
];

/** Makes `<folder>/{work,tmp,git}` and the home folder in tmp. */
export async function makeJobFolder(
  folder: string,
  limits: SandboxLimits,
  options: { mount: boolean; isRoot: boolean },
): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  for (const part of PARTS) mkdirSync(join(folder, part), { mode: part === "git" ? 0o700 : 0o755 });
  if (options.mount) {
    const owner = `uid=${SANDBOX_UID},gid=${SANDBOX_UID}`;
    const sized = (megabytes: number, inodes: number) => `size=${megabytes}m,nr_inodes=${inodes},${owner}`;
    await Promise.all([
      mountTmpfs(join(folder, "work"), `${sized(limits.work_mb, limits.inodes)},mode=0755`),
      mountTmpfs(join(folder, "tmp"), `noexec,${sized(limits.tmp_mb, limits.inodes)},mode=0700`),
      mountTmpfs(join(folder, "git"), `noexec,${sized(gitMegabytes(limits), limits.inodes)},mode=0700`),
    ]);
  }
  const home = join(folder, "tmp", "home");
  mkdirSync(home, { mode: 0o700 });
  if (options.isRoot) {
    for (const path of [home, ...PARTS.map((part) => join(folder, part))])
      chownSync(path, SANDBOX_UID, SANDBOX_UID);
  }
}

/** Unmounts and removes a job's folder. The programs in it must be dead. Throws when something stays. */
export async function removeJobFolder(folder: string): Promise<void> {
  const mounted = readFileSync("/proc/self/mounts", "utf8");
  for (const part of PARTS) {
    const path = join(folder, part);
    // Lazily, because a dying program may hold a file open for some milliseconds more.
    if (mounted.includes(` ${path.replaceAll(" ", "\\040")} `)) await run("umount", ["-l", path]);
  }
  if (!existsSync(folder)) return;
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    // A program took the rights from its own folders; chmod -R does not follow links.
    await run("chmod", ["-R", "u+rwX", folder]);
    await chmod(folder, 0o700);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Names of the job folders that lie in `parent`. */
export function listJobFolders(parent: string): string[] {
  return existsSync(parent) ? readdirSync(parent).filter((name) => name.startsWith("job-")) : [];
}
