/**
 * Makes a job's repository on top of a mirror: our first commit without a parent, with the tree of `commit`.
 * The same again gives the same. @throws RemoteFault (branch_gone, not_carried, too_large); GitError
 */
export async function beginFromMirror(
  _dir: string,
  _mirrorDir: string,
  _commit: string,
): Promise<{ root: string; notes: string[] }> {
  throw new Error("not yet");
}
