// Runs `git merge-tree` on two commits and says in words what could not be merged.
import { assertObjectId, GitError, startGit } from "./git";
import { shownPath } from "./refusal";

export interface Conflict {
  path: string;
  /** What happened, the quoted path first. */
  sentence: string;
}

export interface MergedTrees {
  tree: string;
  conflicts: Conflict[];
}

const MERGE_MS = 120_000;
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Merges two commits that have a common one below them. `ours` is the job's side in the sentences.
 * @throws GitError
 */
export async function mergeTrees(dir: string, ours: string, theirs: string): Promise<MergedTrees> {
  // A file that was added where the other side renamed a folder stays where it was added.
  const args = [
    "merge-tree",
    "--write-tree",
    "-z",
    "--messages",
    assertObjectId(ours),
    assertObjectId(theirs),
  ];
  const config = {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "merge.directoryRenames",
    GIT_CONFIG_VALUE_0: "false",
  };
  const child = startGit(args, { dir, env: config, timeoutMs: MERGE_MS });
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of child.stdout ?? []) {
      size += (chunk as Buffer).length;
      if (size > MAX_BYTES) throw new GitError("output", "merge-tree", null, null, "");
      chunks.push(chunk as Buffer);
    }
    await child.done.catch((error: unknown) => {
      // Exit code 1 says that there are conflicts.
      if (!(error instanceof GitError) || error.fault !== "failed" || error.exitCode !== 1) throw error;
    });
    return parse(Buffer.concat(chunks).toString("utf8"));
  } finally {
    child.stop();
  }
}

/** "<tree>", then "<mode> <oid> <stage>TAB<path>" per stage, an empty field, then messages. */
function parse(text: string): MergedTrees {
  const fields = text.split("\0");
  const tree = assertObjectId(fields[0] ?? "");
  const stages = new Map<string, Set<string>>();
  let at = 1;
  for (; fields[at]; at += 1) {
    const [, stage, path] = /^\d+ [0-9a-f]+ ([123])\t(.*)$/s.exec(fields[at] ?? "") ?? [];
    if (!stage || path === undefined) continue;
    stages.set(path, (stages.get(path) ?? new Set()).add(stage));
  }
  const types = new Map<string, Set<string>>();
  // "<number of paths>", the paths, a stable name of what happened, a text for people.
  for (at += 1; fields[at]; ) {
    const count = Number(fields[at]);
    const path = fields[at + 1] ?? "";
    const type = fields[at + 1 + count] ?? "";
    if (type.startsWith("CONFLICT")) types.set(path, (types.get(path) ?? new Set()).add(type));
    at += count + 3;
  }
  const paths = [
    ...new Set([...types.keys(), ...[...stages.keys()].filter((path) => types.size === 0 && path)]),
  ];
  return {
    tree,
    conflicts: paths.map((path) => ({ path, sentence: sentenceOf(path, stages.get(path), types.get(path)) })),
  };
}

function sentenceOf(path: string, stages: Set<string> = new Set(), types: Set<string> = new Set()): string {
  const name = shownPath(path);
  if (types.has("CONFLICT (modify/delete)"))
    return stages.has("2")
      ? `${name} was changed by the job and deleted in the base; the job's version was kept.`
      : `${name} was deleted by the job and changed in the base; the base's version was kept.`;
  if (types.has("CONFLICT (binary)"))
    return `${name} is binary and was changed on both sides; the job's version was kept.`;
  if (types.size === 1 && types.has("CONFLICT (contents)"))
    return `${name} was changed on both sides; what does not fit stands between conflict markers.`;
  const kinds = [...types].map((type) => /\((.*)\)/.exec(type)?.[1] ?? type).join(", ");
  return `${name} was changed on both sides in ways that do not fit together (${kinds || "unmerged"}).`;
}
