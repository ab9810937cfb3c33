import type { Remote } from "./remote-git";
import type { RemoteRules } from "./remote-url";

export interface MirrorBranch {
  name: string;
  commit: string;
}

export interface MirrorState {
  /** By name. */
  branches: MirrorBranch[];
  /** Name of the branch that the remote's HEAD points to, when it is one of these. */
  head: string | null;
  /** Whether anything was fetched or any branch differs from the last time. */
  changed: boolean;
}

/** Brings a mirror up to date; makes it when it is not there. @throws RemoteFault; GitError when the host fails */
export async function refreshMirror(
  _dir: string,
  _remote: Remote,
  _rules: RemoteRules,
): Promise<MirrorState> {
  throw new Error("not yet");
}
