// A tree without what the factory keeps in it.
import { assertObjectId, git } from "./git";

/** The entry of a folder at the top of a tree, as `ls-tree` writes it; null when there is none. @throws GitError */
export async function entryOf(dir: string, tree: string, name: string): Promise<string | null> {
  const entries = await topOf(dir, tree);
  return entries.find((entry) => nameOf(entry) === name) ?? null;
}

/**
 * The same tree with another entry for a name at its top.
 * @param entry as {@link entryOf} gave it; null takes the name away
 * @throws GitError
 */
export async function withEntry(
  dir: string,
  tree: string,
  name: string,
  entry: string | null,
): Promise<string> {
  const entries = await topOf(dir, tree);
  const now = entries.find((one) => nameOf(one) === name) ?? null;
  if (now === entry) return tree;
  const wanted = [...entries.filter((one) => one !== now), ...(entry === null ? [] : [entry])];
  const made = await git(["mktree", "-z"], { dir, input: wanted.map((one) => `${one}\0`).join("") });
  return made.toString("utf8").trim();
}

async function topOf(dir: string, tree: string): Promise<string[]> {
  const out = await git(["ls-tree", "-z", assertObjectId(tree)], { dir });
  return out.toString("utf8").split("\0").filter(Boolean);
}

const nameOf = (entry: string) => entry.slice(entry.indexOf("\t") + 1);
