import type { Remote } from "./remote-git";
import type { RemoteRules } from "./remote-url";

export interface BranchPush {
  /** Name without refs/heads/. */
  branch: string;
  commit: string;
  /** What the branch must be there now; null when it must not be there. */
  expected: string | null;
}

/** Pushes a commit as a branch, with lease. Done already is done. @throws RemoteFault; GitError */
export async function pushBranch(
  _dir: string,
  _remote: Remote,
  _rules: RemoteRules,
  _push: BranchPush,
): Promise<void> {
  throw new Error("not yet");
}
