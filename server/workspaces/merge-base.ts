export interface MovedBase {
  /** Commit of the remote that the job was begun from, and ours that has its tree. */
  baseCommit: string;
  root: string;
  /** Commit of the remote that it is to stand on now. */
  newBaseCommit: string;
  /** The job's work. */
  head: string;
}

export type Merged =
  | { kind: "same" }
  | {
      kind: "clean" | "conflict";
      /** The new head; its files hold conflict markers when there are conflicts. */
      commit: string;
      /** The new base root. */
      root: string;
      /** A sentence for each conflict, the quoted path first. */
      conflicts: string[];
      /** The paths of these conflicts. */
      paths: string[];
    };

/** Merges a base that moved into a job's work. The same input gives the same commits. @throws RemoteFault; GitError */
export async function mergeMoved(_dir: string, _mirrorDir: string, _moved: MovedBase): Promise<Merged> {
  throw new Error("not yet");
}
