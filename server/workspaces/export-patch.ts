// A job's work as one file, for people who take it by hand: a patch, or a bundle that git fetches from.
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { assertObjectId, EMPTY_TREE, git } from "./git";
import { type BundleOptions, exportBundle } from "./repository";
import { writeBeside } from "./write-beside";

const EXPORT_MS = 120_000;

/**
 * Writes the changes between two commits as a patch for `git apply`; it appears at `path` only when it is complete.
 * @param from null for everything that `to` has
 * @throws GitError
 */
export async function exportPatch(dir: string, from: string | null, to: string, path: string): Promise<void> {
  const args = [
    "diff-tree",
    "-r",
    "-p",
    "--binary",
    "--full-index",
    "--no-renames",
    "--no-color",
    "--no-ext-diff",
  ];
  const range = [from === null ? EMPTY_TREE : assertObjectId(from), assertObjectId(to)];
  await writeBeside(path, (beside) =>
    git([...args, "--no-textconv", ...range, "--"], { dir, outputFile: beside, timeoutMs: EXPORT_MS }),
  );
}

/** Writes a bundle for `git fetch <file> <branch>`; it appears only when it is complete. @throws GitError */
export async function exportBundleFile(
  dir: string,
  commit: string,
  path: string,
  options: BundleOptions,
): Promise<void> {
  await writeBeside(path, async (beside) =>
    pipeline(
      await exportBundle(dir, commit, options),
      createWriteStream(beside, { flags: "wx", mode: 0o644 }),
    ),
  );
}
