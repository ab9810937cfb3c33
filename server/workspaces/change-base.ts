// Where a change begins: a job's repository that borrows the mirror's objects, with a first commit of ours that has the
// tree of the remote's commit and no parent. So a sandbox gets the files and no history.
import { mkdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { addBase, type BaseRecord } from "./base-record";
import { assertObjectId, GitError, git } from "./git";
import { listTreeParts } from "./list-tree";
import { readBlobs } from "./read-files";
import { shownPath } from "./refusal";
import { RemoteFault } from "./remote-fault";
import { createRepository, replaceFile } from "./repository";
import { BASE_LIMITS, type TreeEntry, type TreeLimits, TreePolicy } from "./tree-policy";
import { writeCommit } from "./write-commit";

export interface ChangeBase {
  /** Our commit with the tree of the remote's. */
  root: string;
  /** What people should know of the tree, a sentence each. */
  notes: string[];
}

/**
 * Makes a job's repository on top of a mirror. The same again gives the same.
 * @throws RemoteFault (`branch_gone` when the mirror has no such commit, `not_carried`, `too_large`); GitError
 */
export async function beginFromMirror(
  dir: string,
  mirrorDir: string,
  commit: string,
  limits: TreeLimits = BASE_LIMITS,
): Promise<ChangeBase> {
  await createRepository(dir);
  await borrow(dir, mirrorDir);
  return addRoot(dir, commit, limits);
}

/** Reads the objects of the mirror from now on. Relative, so that the data folder may be moved as a whole. */
export async function borrow(dir: string, mirrorDir: string): Promise<void> {
  const objects = join(resolve(dir), "objects");
  await mkdir(join(objects, "info"), { recursive: true });
  const mirror = relative(objects, join(resolve(mirrorDir), "objects"));
  await replaceFile(join(objects, "info", "alternates"), `${mirror}\n`);
}

/** A root of ours for a commit of the remote, whose tree is checked. @throws as beginFromMirror */
export async function addRoot(
  dir: string,
  commit: string,
  limits: TreeLimits = BASE_LIMITS,
): Promise<ChangeBase> {
  const { tree, seconds } = await readCommit(dir, commit);
  const { carried, notes } = await checkBase(dir, tree, limits);
  const root = await writeCommit(dir, { tree, parents: [], message: `Base ${commit}`, seconds });
  await addBase(dir, { root, commit, carried });
  return { root, notes };
}

async function readCommit(dir: string, commit: string): Promise<{ tree: string; seconds: number }> {
  const args = ["log", "--no-walk", "--no-show-signature", "--format=%T %ct", assertObjectId(commit), "--"];
  const out = await git(args, { dir }).catch((error: unknown) => {
    if (error instanceof GitError && /bad object/.test(error.stderr))
      throw new RemoteFault(
        "branch_gone",
        "The commit to begin from is not in the mirror of the repository.",
      );
    throw error;
  });
  const [tree = "", seconds] = out.toString("utf8").trim().split(" ");
  return { tree, seconds: Number(seconds) };
}

interface CheckedBase {
  carried: BaseRecord["carried"];
  notes: string[];
}

async function checkBase(dir: string, tree: string, limits: TreeLimits): Promise<CheckedBase> {
  const policy = new TreePolicy(limits, () => true);
  const special: TreeEntry[] = [];
  const attributes: TreeEntry[] = [];
  reading: for await (const entries of listTreeParts(tree, { dir })) {
    for (const entry of entries) {
      if (!policy.check(entry)) break reading;
      if (entry.mode === "120000" || entry.mode === "160000") special.push(entry);
      else if (/(^|\/)\.gitattributes$/.test(entry.path) && (entry.size ?? 0) < 100_000)
        attributes.push(entry);
    }
  }
  if (policy.problems.length > 0) throw refusal(policy);
  const carried = special.map(({ path, mode, oid }) => ({ path, mode, oid }));
  return { carried, notes: [...notesOn(special), ...(await lfsNote(dir, attributes))] };
}

function refusal({ problems, tooLarge }: TreePolicy): RemoteFault {
  if (tooLarge) return new RemoteFault("too_large", `The repository cannot be worked on. ${problems.at(-1)}`);
  const more = problems.length > 3 ? " There are more." : "";
  return new RemoteFault(
    "not_carried",
    `The repository cannot be worked on. ${problems.slice(0, 3).join(" ")}${more}`,
  );
}

function notesOn(special: readonly TreeEntry[]): string[] {
  const links = special.filter(({ mode }) => mode === "120000");
  const modules = special.filter(({ mode }) => mode === "160000");
  const notes: string[] = [];
  if (modules.length > 0)
    notes.push(`Submodules are left as they are and not fetched; their folders are empty: ${some(modules)}.`);
  if (links.length > 0)
    notes.push(`Symbolic links are left as they are; changing one is refused: ${some(links)}.`);
  return notes;
}

function some(entries: readonly TreeEntry[]): string {
  const shown = entries.slice(0, 5).map(({ path }) => shownPath(path));
  return (
    shown.join(", ") + (entries.length > shown.length ? ` and ${entries.length - shown.length} more` : "")
  );
}

async function lfsNote(dir: string, attributes: readonly TreeEntry[]): Promise<string[]> {
  const texts = await readBlobs(
    dir,
    attributes.slice(0, 100).map(({ oid }) => oid),
  );
  if (!texts.some((text) => /(^|\s)filter=lfs(\s|$)/m.test(text.toString("utf8")))) return [];
  return ["Git LFS is off: large files that it keeps elsewhere are here as their pointers."];
}
