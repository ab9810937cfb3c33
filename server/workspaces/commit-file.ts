// One text file laid into a commit's tree by the app itself, without a sandbox.
import { assertObjectId, EMPTY_TREE, GitError, git } from "./git";
import { entryOf, withEntry } from "./without-folder";
import { writeCommit } from "./write-commit";

const FILE = "100644";
const FOLDER = "040000";

export interface NewFile {
  /** Commit whose tree it is laid into; null for an empty one. */
  parent: string | null;
  /** `NAME` or `FOLDER/NAME`. */
  path: string;
  text: string;
  message: string;
  /** Time of the commit; now by default. */
  at?: Date;
}

/**
 * Makes a commit on `parent` that has the file besides. Moves no ref.
 * @throws GitError
 */
export async function commitFile(
  dir: string,
  { parent, path, text, message, at = new Date() }: NewFile,
): Promise<string> {
  const [name = "", folder] = path.split("/").reverse();
  const blob = await idOf(["hash-object", "-w", "--stdin"], dir, text);
  const base =
    parent === null ? EMPTY_TREE : await idOf(["rev-parse", `${assertObjectId(parent)}^{tree}`], dir);
  const entry = `${FILE} blob ${blob}\t${name}`;
  const tree = folder
    ? await withEntry(
        dir,
        base,
        folder,
        `${FOLDER} tree ${await inFolder(dir, base, folder, name, entry)}\t${folder}`,
      )
    : await withEntry(dir, base, name, entry);
  const seconds = Math.floor(at.getTime() / 1000);
  return writeCommit(dir, { tree, parents: parent === null ? [] : [parent], message, seconds });
}

async function inFolder(
  dir: string,
  base: string,
  folder: string,
  name: string,
  entry: string,
): Promise<string> {
  const known = /^040000 tree ([0-9a-f]{40})\t/.exec((await entryOf(dir, base, folder)) ?? "")?.[1];
  return withEntry(dir, known ?? EMPTY_TREE, name, entry);
}

async function idOf(args: string[], dir: string, input?: string): Promise<string> {
  const out = await git(args, { dir, ...(input !== undefined && { input }) });
  const id = out.toString("utf8").trim();
  if (!/^[0-9a-f]{40}$/.test(id))
    throw new GitError("failed", args[0] ?? "", 0, null, "no object id came back");
  return id;
}
