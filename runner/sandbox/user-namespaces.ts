// Some systems forbid unprivileged user namespaces, without which there is no jail. Says which setting it is.
import { execFileSync } from "node:child_process";
import { readText } from "./cgroup-meter";
import { NO_ENV } from "./jail-host";
import { SANDBOX_UID } from "./port";

/** A busy machine needs seconds for what takes a quiet one milliseconds. */
const TRIAL_MS = 30_000;
const TRIAL = [
  ...[
    "--unshare-all",
    "--unshare-user",
    "--disable-userns",
    "--die-with-parent",
    "--cap-drop",
    "ALL",
    "--ro-bind",
    "/usr",
    "/usr",
  ],
  ...[
    "--ro-bind-try",
    "/lib",
    "/lib",
    "--ro-bind-try",
    "/lib64",
    "/lib64",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
  ],
  ...["--", "/usr/bin/env", "true"],
];

/** Makes the smallest possible jail. Throws an Error that names the setting in the way and how to change it. */
export function requireUserNamespaces(isRoot: boolean): void {
  const user = isRoot ? { uid: SANDBOX_UID, gid: SANDBOX_UID } : {};
  try {
    execFileSync("bwrap", TRIAL, {
      env: NO_ENV,
      cwd: "/",
      stdio: ["ignore", "ignore", "pipe"],
      timeout: TRIAL_MS,
      killSignal: "SIGKILL",
      ...user,
    });
  } catch (error) {
    const detail = String((error as { stderr?: Buffer }).stderr ?? error).trim();
    throw new Error(`bubblewrap cannot make a jail here: ${detail}. ${explain()}`);
  }
}

function explain(): string {
  const setting = (name: string) => readText("/proc/sys", name).trim();
  if (setting("kernel/apparmor_restrict_unprivileged_userns") === "1") {
    return (
      "AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns=1). Allow them to bubblewrap " +
      "alone with an AppArmor profile for /usr/bin/bwrap that grants userns, or use the Docker driver."
    );
  }
  if (setting("kernel/unprivileged_userns_clone") === "0") {
    return "The kernel forbids user namespaces. Allow them: sysctl kernel.unprivileged_userns_clone=1";
  }
  if (setting("user/max_user_namespaces") === "0") {
    return "The kernel forbids user namespaces. Allow them: sysctl user.max_user_namespaces=10000";
  }
  return "Inside a container this needs a container that may make user namespaces; the Docker driver does not.";
}
