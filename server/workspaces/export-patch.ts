// A job's work as one file, for people who take it by hand: a patch, or a bundle that git fetches from.
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { assertObjectId, EMPTY_TREE, git } from "./git";
import { type BundleOptions, exportBundle } from "./repository";
import { writeBeside } from "./write-beside";

const EXPORT_MS = 120_000;

const PATCH = [
  "diff-tree",
  "-r",
  "-p",
  "--binary",
  "--full-index",
  "--no-renames",
  "--no-color",
  "--no-ext-diff",
  "--no-textconv",
];

const rangeOf = (from: string | null, to: string) => [
  from === null ? EMPTY_TREE : assertObjectId(from),
  assertObjectId(to),
];

/**
 * Writes the changes between two commits as a patch for `git apply`; it appears at `path` only when it is complete.
 * @param from null for everything that `to` has
 * @throws GitError
 */
export async function exportPatch(dir: string, from: string | null, to: string, path: string): Promise<void> {
  await writeBeside(path, (beside) =>
    git([...PATCH, ...rangeOf(from, to), "--"], { dir, outputFile: beside, timeoutMs: EXPORT_MS }),
  );
}

/**
 * The changes of some files between two commits as a patch for `git apply`.
 * @param paths these files only; all of them when it is not given
 * @throws GitError (`output` when it is longer than `maxBytes`)
 */
export async function readPatch(
  dir: string,
  { from, to, paths, maxBytes }: { from: string; to: string; paths?: readonly string[]; maxBytes: number },
): Promise<Buffer> {
  const patches: Buffer[] = [];
  let left = maxBytes;
  for (const part of paths ? inParts(paths) : [[]]) {
    const args = [...PATCH, ...rangeOf(from, to), "--", ...part];
    const patch = await git(args, { dir, maxOutputBytes: left, timeoutMs: EXPORT_MS });
    patches.push(patch);
    left -= patch.length;
  }
  return Buffer.concat(patches);
}

/** A command line holds only so much. */
const MAX_ARGUMENT_BYTES = 64 * 1024;

function inParts(paths: readonly string[]): string[][] {
  const parts: string[][] = [];
  let room = 0;
  for (const path of paths) {
    const bytes = Buffer.byteLength(path) + 1;
    if (bytes > room) {
      parts.push([]);
      room = MAX_ARGUMENT_BYTES;
    }
    parts.at(-1)?.push(path);
    room -= bytes;
  }
  return parts;
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
