// The latest commits as text, for agents: what was done, and which files it touched.
import { assertObjectId, git } from "./git";

const COMMITS = 15;
const FILES_A_COMMIT = 8;

/**
 * The newest commits, each with a summary of its files.
 * @param from commits that are left out with everything below them: the bases of a change
 * @param maxChars older commits beyond it are cut off
 * @throws GitError
 */
export async function historyText(
  dir: string,
  { from, to, maxChars }: { from: readonly string[]; to: string; maxChars: number },
): Promise<string> {
  const range = [assertObjectId(to), ...from.map((base) => `^${assertObjectId(base)}`)];
  const args = [
    "log",
    "--no-show-signature",
    "--no-color",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--format=%h %s",
    `--stat=100,80`,
    `--stat-count=${FILES_A_COMMIT}`,
    `--max-count=${COMMITS}`,
  ];
  const out = await git([...args, ...range, "--"], { dir });
  const text = out.toString("utf8").trim();
  if (text.length <= maxChars) return text;
  return `${text.slice(0, text.lastIndexOf("\n", maxChars)).toWellFormed()}\n…`;
}
