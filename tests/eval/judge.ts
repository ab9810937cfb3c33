/**
 * Whether what was delivered resolves its task. Tests decide that nobody saw: a package's own, measured against
 * upstream's release, or the hidden ones of a task of ours, measured against its reference solution.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { isTestFile } from "@/server/toolchains/test-files";
import type { CleanPlace } from "./clean-place";
import { writeFiles } from "./git-folder";
import type { PackageRepository } from "./repository";
import { runSuite, type SuiteResult } from "./run-suite";
import { type NewFile, type OwnTask, solutionOf } from "./task";

/** The first test that fails although it does not fail in the release, or null when a suite sees no bug. */
export function showsBug(released: SuiteResult, seen: SuiteResult): string | null {
  if (seen.unreadable) return null;
  const before = new Set(released.failed);
  return seen.failed.find((id) => !before.has(id)) ?? null;
}

/**
 * Why a change is not a good one, or null when it is: every test that passes where all is well has to pass, and
 * nothing may fail that does not fail there. Tests that came with the change may only pass.
 */
export function refusal(released: SuiteResult, seen: SuiteResult): string | null {
  if (seen.unreadable) return `the tests cannot be read: ${seen.unreadable.slice(0, 300)}`;
  const before = new Set(released.failed);
  const failing = seen.failed.filter((id) => !before.has(id));
  if (failing.length > 0) return `${failing.length} failed, such as ${failing[0]}`;
  const passed = new Set(seen.passed);
  const gone = released.passed.filter((id) => !passed.has(id));
  return gone.length > 0 ? `${gone.length} did not run, such as ${gone[0]}` : null;
}

/** Judges a commit of a package's repository; null when it resolves the task. */
export async function judgePackage(
  place: CleanPlace,
  repository: PackageRepository,
  commit: string,
): Promise<string | null> {
  const { folder, task } = repository;
  repository.toImport();
  const released = await runSuite(place, folder, task);
  repository.reset(commit);
  repository.ownSuite();
  return refusal(released, await runSuite(place, folder, task));
}

/** Judges the delivered tree of a task of our own; null when it resolves the task. */
export async function judgeOwn(place: CleanPlace, task: OwnTask, delivered: string): Promise<string | null> {
  const expected = await runHidden(place, task, solutionOf(task));
  if (expected.unreadable || expected.failed.length > 0)
    throw new Error(`The hidden tests of ${task.name} refuse its own reference solution.`);
  return refusal(expected, await runHidden(place, task, delivered));
}

/**
 * Runs the hidden tests of a task, and only those, on a copy of a tree without its own tests.
 * @param tree a folder, or the files themselves
 */
export async function runHidden(
  place: CleanPlace,
  task: OwnTask,
  tree: string | readonly NewFile[],
): Promise<SuiteResult> {
  const folder = mkdtempSync(join(tmpdir(), "fabrica-eval-tree-"));
  try {
    if (typeof tree === "string") copyProgram(tree, folder);
    else writeFiles(folder, tree);
    writeFiles(folder, task.hidden);
    return await runSuite(place, folder, { only: task.hidden.map(({ file }) => file) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Regular files that are no tests; never through a link. */
function copyProgram(from: string, to: string): void {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    const path = relative(from, join(entry.parentPath, entry.name));
    if (!entry.isFile() || path.startsWith(".git/") || isTestFile(path)) continue;
    mkdirSync(dirname(join(to, path)), { recursive: true });
    cpSync(join(from, path), join(to, path));
  }
}
