/**
 * Makes the job's commits again on the real base commit and gives their tip; the base itself when nothing changed.
 * The same input gives the same ids. @throws GitError
 */
export async function replayOnto(
  _dir: string,
  _job: { root: string; head: string; baseCommit: string },
): Promise<string> {
  throw new Error("not yet");
}
