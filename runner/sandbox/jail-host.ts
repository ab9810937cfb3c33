// What a jail needs of the host and does not change from job to job: where its folders can lie, which host folders
// it sees (read-only, listed one by one, never /), and a node that the jail's user can reach.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { CgroupHost } from "./cgroups";
import type { JailNetworkOptions } from "./jail-network";
import { PATHS, SANDBOX_UID } from "./port";
import { seccompFilter } from "./seccomp-bpf";

/** What every program on the host side is started with. */
export const NO_ENV = {} as NodeJS.ProcessEnv;

/** What every sandbox of one bubblewrap driver needs. */
export interface JailSetup {
  host: JailHost;
  isRoot: boolean;
  mounts: boolean;
  cgroups: CgroupHost;
  network: JailNetworkOptions;
  /** Names of the sandboxes of this process, which the reaper must leave alone. */
  live: Set<string>;
}

/** The programs and folders that every jail of this runner shares. */
export interface JailHost {
  /** Holds one folder per job; the jail's user can pass through it. */
  jobsDir: string;
  /** bubblewrap arguments that bind the read-only part. */
  readOnlyArgs: string[];
  /** Further folders at the end of PATH, such as /opt/node/bin. */
  extraPath: string[];
  /** File with the system call filter that every jail gets; null where there is none for this architecture. */
  filter: string | null;
}

const ETC_FILES: Readonly<Record<string, string>> = {
  passwd: `root:x:0:0:root:/root:/usr/sbin/nologin\nsandbox:x:${SANDBOX_UID}:${SANDBOX_UID}::${PATHS.home}:/bin/sh\n`,
  group: `root:x:0:\nsandbox:x:${SANDBOX_UID}:\n`,
  hosts: "127.0.0.1 localhost\n::1 localhost\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
};
/** Public files of the host that programs expect; those that do not exist are left out. */
const ETC_SHARED = [
  "/etc/alternatives",
  "/etc/ld.so.cache",
  "/etc/localtime",
  "/etc/mime.types",
  "/etc/ssl/certs",
];
const SYSTEM_LINKS = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/**
 * Prepares the shared part of all jails. `isRoot`: programs will run as another user than the runner.
 * Throws an Error with a plain sentence when no folder can be found that the jail's user may enter.
 */
export function prepareJailHost(
  stateDir: string,
  { toolchainDir, toolsDir = null }: { toolchainDir: string | null; toolsDir?: string | null },
  isRoot: boolean,
): JailHost {
  const base = reachableBase(resolve(stateDir), isRoot);
  const jobsDir = join(base, "jobs");
  mkdirSync(jobsDir, { recursive: true, mode: 0o755 });
  if (isRoot) {
    // Other users of the machine shall not look into the workspaces.
    chownSync(jobsDir, 0, SANDBOX_UID);
    chmodSync(jobsDir, 0o710);
  }
  const args = ["--ro-bind", "/usr", "/usr"];
  for (const path of SYSTEM_LINKS) {
    if (!existsSync(path)) continue;
    if (lstatSync(path).isSymbolicLink()) args.push("--symlink", readlinkSync(path), path);
    else args.push("--ro-bind", path, path);
  }
  const etc = join(base, "etc");
  mkdirSync(etc, { recursive: true, mode: 0o755 });
  for (const [name, text] of Object.entries(ETC_FILES)) {
    writeFileSync(join(etc, name), text, { mode: 0o644 });
    args.push("--ro-bind", join(etc, name), `/etc/${name}`);
  }
  for (const path of ETC_SHARED) args.push("--ro-bind-try", path, path);
  if (toolchainDir)
    args.push("--ro-bind", reachableToolchain(resolve(toolchainDir), isRoot), PATHS.toolchain);
  if (toolsDir) args.push("--ro-bind", reachableTools(resolve(toolsDir), isRoot), PATHS.tools);
  const node = nodeFolder(base, isRoot);
  if (node) args.push("--ro-bind", node, PATHS.node);
  const extraPath = node ? [`${PATHS.node}/bin`] : [];
  return { jobsDir, readOnlyArgs: args, extraPath, filter: writeFilter(base) };
}

function writeFilter(base: string): string | null {
  if (process.arch !== "x64" && process.arch !== "arm64") return null;
  const path = join(base, "seccomp.bpf");
  writeFileSync(path, seccompFilter(process.arch), { mode: 0o600 });
  return path;
}

/** Whether a user without rights of its own may pass through every folder down to `path` and read it. */
export function reachableByOthers(path: string): boolean {
  for (let at = resolve(path); ; at = dirname(at)) {
    if (existsSync(at)) {
      const stat = statSync(at);
      const wanted = stat.isDirectory() ? 0o001 : 0o004;
      if ((stat.mode & wanted) === 0) return false;
    }
    if (at === dirname(at)) return true;
  }
}

function reachableBase(stateDir: string, isRoot: boolean): string {
  const own = join(stateDir, "jail");
  if (!isRoot || reachableByOthers(own)) return own;
  // A clone under root's 0700 home: the jail's user could never enter it, so its part lies elsewhere.
  const name = createHash("sha256").update(stateDir).digest("hex").slice(0, 12);
  return join("/var/lib/fabrica-jails", name);
}

function reachableToolchain(dir: string, isRoot: boolean): string {
  if (!existsSync(dir)) throw new Error(`The toolchain folder ${dir} does not exist.`);
  if (isRoot && !reachableByOthers(dir)) {
    throw new Error(
      `The toolchain folder ${dir} lies under a folder that only root may enter. ` +
        "Put it in a place such as /var/lib and set RUNNER_TOOLCHAIN_DIR.",
    );
  }
  return dir;
}

function reachableTools(dir: string, isRoot: boolean): string {
  if (!existsSync(dir)) throw new Error(`The folder of the agent's programs ${dir} does not exist.`);
  if (isRoot && !reachableByOthers(dir)) {
    throw new Error(
      `The folder ${dir} lies under a folder that only root may enter. Put the agent's programs in a place such as ` +
        "/opt/agents and set RALPH_TOOLS.",
    );
  }
  return dir;
}

/** A folder with bin/node to bind at /opt/node, or null when the fixed PATH holds a reachable node already. */
function nodeFolder(base: string, isRoot: boolean): string | null {
  const onPath = ["/usr/local/bin/node", "/usr/bin/node"].some((path) => worksAlone(path, isRoot));
  if (onPath) return null;
  const prefix = dirname(dirname(process.execPath));
  if (!isRoot || reachableByOthers(process.execPath)) return prefix;
  const copy = join(base, "node");
  if (!existsSync(join(copy, "bin/node"))) copyNode(prefix, copy);
  return copy;
}

function worksAlone(path: string, isRoot: boolean): boolean {
  if (!existsSync(path)) return false;
  try {
    const user = isRoot ? { uid: SANDBOX_UID, gid: SANDBOX_UID } : {};
    execFileSync(path, ["--version"], { env: NO_ENV, cwd: "/", stdio: "ignore", timeout: 10_000, ...user });
    return true;
  } catch {
    return false;
  }
}

function copyNode(prefix: string, copy: string): void {
  mkdirSync(join(copy, "bin"), { recursive: true, mode: 0o755 });
  const npm = join(prefix, "lib/node_modules/npm");
  if (existsSync(npm)) {
    cpSync(npm, join(copy, "lib/node_modules/npm"), { recursive: true, dereference: true });
    for (const name of ["npm", "npx"]) {
      symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(copy, "bin", name));
    }
  }
  cpSync(process.execPath, join(copy, "bin/node"), { dereference: true });
}
