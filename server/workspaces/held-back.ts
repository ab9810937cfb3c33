// Tests that are kept from those who write the code: a bare repository of their own, one for a job, of which no sandbox
// gets anything but the files that a validation lays over its tree. Each keeping is one ref; keeping again changes nothing.
import { existsSync } from "node:fs";
import { editTree } from "./edit-tree";
import { assertObjectId, git } from "./git";
import { type FileEntry, readBlobs, readTree } from "./read-files";
import { createRepository, setRefs } from "./repository";
import { writeCommit } from "./write-commit";
import { writeObject } from "./write-object";

/** A file as it is laid over a tree. */
export interface HeldFile {
  /** From the workspace's root. */
  path: string;
  text: string;
}

export interface Keeping {
  /** Repository of the job, and its commit that has the files. */
  from: string;
  commit: string;
  files: readonly FileEntry[];
  /** Run of the job, and what the keeping is for, such as "task-1". */
  run: number;
  name: string;
}

const refOf = (run: number, name: string) => `refs/heads/run-${run}/${name}`;

/**
 * Stores files of a commit. When it returns they are on disk; the same again is the same.
 * @returns the commit in the repository of held-back tests
 * @throws GitError
 */
export async function keepHeldBack(
  dir: string,
  { from, commit, files, run, name }: Keeping,
): Promise<string> {
  await createRepository(dir);
  const blobs = await readBlobs(
    from,
    files.map(({ oid }) => oid),
  );
  for (const blob of blobs) await writeObject(dir, "blob", blob);
  const tree = await editTree(
    dir,
    null,
    files.map(({ path, oid }) => [path, { mode: "100644", oid }]),
  );
  const message = `Held back: ${name} of run ${run}, from ${assertObjectId(commit)}`;
  const kept = await writeCommit(dir, { tree, parents: [], message, seconds: 0 });
  await setRefs(dir, [refOf(run, name)], kept);
  return kept;
}

/** Everything that is kept of a run, by path; none when nothing was. @throws GitError */
export async function readHeldBack(dir: string, run: number): Promise<HeldFile[]> {
  if (!existsSync(dir)) return [];
  const listed = await git(["for-each-ref", "--format=%(objectname)", `refs/heads/run-${run}/`], { dir });
  const files = new Map<string, string>();
  for (const commit of listed.toString("utf8").split("\n").filter(Boolean))
    for (const { path, oid } of await readTree(dir, commit)) files.set(path, oid);
  const paths = [...files.keys()].sort();
  const blobs = await readBlobs(
    dir,
    paths.map((path) => files.get(path) as string),
  );
  return paths.map((path, i) => ({ path, text: (blobs[i] as Buffer).toString("utf8") }));
}
