// Pushes a job's work as one branch, with lease: nothing that somebody else put there is ever overwritten.
import { assertObjectId } from "./git";
import type { Resolve } from "./remote-address";
import { openRemote, type Remote } from "./remote-git";
import type { RemoteRules } from "./remote-url";

export interface BranchPush {
  /** Name without refs/heads/. */
  branch: string;
  commit: string;
  /** What the branch must be there now; null when it must not be there. */
  expected: string | null;
}

const PUSH_MS = 10 * 60_000;

/**
 * Pushes a commit as a branch. When the branch is that commit already, nothing happens.
 * @throws RemoteFault: `stale` when the branch is something else, `declined` when a rule or hook of the host says no
 */
export async function pushBranch(
  dir: string,
  remote: Remote,
  rules: RemoteRules,
  { branch, commit, expected }: BranchPush,
  resolve?: Resolve,
): Promise<void> {
  const ref = `refs/heads/${assertBranch(branch)}`;
  const open = await openRemote(remote, rules, resolve);
  const lease = `--force-with-lease=${ref}:${expected === null ? "" : assertObjectId(expected)}`;
  const args = ["push", "--quiet", "--no-verify", "--no-follow-tags", "--no-recurse-submodules", lease];
  await open.run([...args, "--", open.url, `${assertObjectId(commit)}:${ref}`], {
    dir,
    doing: "push",
    timeoutMs: PUSH_MS,
  });
}

/** Only names of the form that ours have. @throws TypeError */
function assertBranch(name: string): string {
  if (!/^[A-Za-z0-9_][\w.-]*(\/[A-Za-z0-9_][\w.-]*)*$/.test(name) || /\.\.|\.lock(\/|$)|\.(\/|$)/.test(name))
    throw new TypeError("Not a branch name.");
  return name;
}
