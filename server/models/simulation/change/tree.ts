// Which files the repository of a change job has, as far as the messages say: the whole list, or an outline and then
// what a command listed. Nothing is known to be absent unless the list is whole.
import type { Conversation } from "../conversation";

export interface Tree {
  files: string[];
  /** Whether what is not among the files is not there. */
  complete: boolean;
}

/** Lists the sources and manifests of a large repository, those of the upper folders first, within what is shown. */
export const LISTING = [
  "git -c core.quotePath=false ls-files -co --exclude-standard",
  "grep -E '(^|/)(package\\.json|pyproject\\.toml|setup\\.(py|cfg))$|\\.(py|[cm]?[jt]sx?)$'",
  "grep -Ev '(^|/)(node_modules|vendor|third_party|dist|build|fixtures?|site-packages)/'",
  "awk -F/ '{print NF \"\\t\" $0}' | sort -s -n -k1,1 | cut -f2-",
  "awk '{d=$0; sub(/[^/]*$/,\"\",d)} n[d]++<12 && (u+=length($0)+1)<9000'",
].join(" | ");

/** The files that the request itself names; in an outline, those among its lines. */
export function namedTree({ files }: Conversation): Tree {
  if (files === null) return { files: [], complete: false };
  const outline = /^\d+ files\. /.test(files[0] ?? "") || files.some((line) => line.startsWith("…"));
  if (!outline) return { files, complete: true };
  return { files: files.slice(1).filter((line) => !/^[[…]|\/ {2}\d+ files?$/.test(line)), complete: false };
}

/** The files that can be known; null when they have to be listed first. */
export function treeOf(talk: Conversation): Tree | null {
  const named = namedTree(talk);
  if (named.complete) return named;
  const listed = talk.past.find(({ call }) => (call.input as { command?: unknown })?.command === LISTING);
  if (!listed?.result) return null;
  const lines = listed.result.content
    .split("\n")
    .filter((line) => /\.(py|json|toml|cfg|[cm]?[jt]sx?)$/.test(line));
  return { files: [...new Set([...named.files, ...lines])].sort(), complete: false };
}
