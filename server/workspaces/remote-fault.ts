// Why a remote repository could not be read or written, in words for people. Invariant: no text here holds a token.

/** Stable; pages, tests and the loop decide by it. */
export type RemoteCode =
  /** The address is not one that may be used; nothing was started. */
  | "refused"
  | "wrong_credentials"
  | "not_found"
  | "not_git"
  | "redirect"
  /** It has no branches. */
  | "empty"
  | "branch_gone"
  | "too_large"
  /** It holds what Fabrica does not carry, such as names that differ only in case. */
  | "not_carried"
  | "timeout"
  | "unreachable"
  /** The credentials may read but not write, or a rule of the host or a hook declined the push. */
  | "declined"
  /** The branch on the remote is not what it was expected to be. */
  | "stale"
  | "damaged"
  /** git is missing or too old here, or the disk is full: not the remote's fault. */
  | "local";

/** A plain sentence, at most about 600 characters, without control characters and without secrets. */
export class RemoteFault extends Error {
  constructor(
    readonly code: RemoteCode,
    message: string,
  ) {
    super(message);
    this.name = "RemoteFault";
  }

  /** Whether the same thing may work later without anybody changing anything. */
  get passing(): boolean {
    return this.code === "timeout" || this.code === "unreachable" || this.code === "local";
  }
}
