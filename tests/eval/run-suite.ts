/**
 * Runs the tests and linters of a tree in a clean place, with the toolchain's own programs or with a command. A test
 * of ours that must fail runs between the others, so that a tree that forges its report is not believed.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Canary, ToolchainAdapter } from "@/server/toolchains/port";
import { TOOLCHAINS } from "@/server/toolchains/registry";
import type { CleanPlace, RunHere } from "./clean-place";

const COMMAND_MS = 300_000;
const WRITE_MS = 10_000;

export interface SuiteResult {
  /** Ids of tests; of a command that only has an exit code, the command itself. */
  passed: string[];
  failed: string[];
  /** Why there is no result, when there is none. */
  unreadable: string | null;
  ms: number;
}

type Outcome = Omit<SuiteResult, "ms">;

interface Tree {
  paths: string[];
  readText: (file: string) => string | null;
}

/** What of a tree is run. */
export interface Suite {
  /** A shell line in place of what the toolchains find. */
  commands?: { test: string };
  /** Only the tests of these files. */
  only?: readonly string[];
}

/** Runs the tests of a folder. */
export function runSuite(place: CleanPlace, folder: string, suite: Suite = {}): Promise<SuiteResult> {
  const tree = filesIn(folder);
  const { only, commands } = suite;
  const kept = only ? { ...tree, paths: tree.paths.filter((path) => isPart(path, only)) } : tree;
  return place.within(folder, async (run) => {
    const began = performance.now();
    const result = commands ? await runLine(run, commands.test) : await runToolchains(run, kept);
    return { ...result, ms: performance.now() - began };
  });
}

/** A manifest says how the files that are asked for are to be read. */
const isPart = (path: string, only: readonly string[]) => only.includes(path) || path === "package.json";

async function runLine(run: RunHere, line: string): Promise<Outcome> {
  const argv = ["sh", "-c", line];
  const { exitCode, stdout, stderr } = await run({ argv, env: {}, timeoutMs: COMMAND_MS, report: null });
  const nothing = { passed: [], failed: [], unreadable: null };
  if (exitCode === null)
    return { ...nothing, unreadable: `It did not end by itself: ${(stdout + stderr).slice(-2_000)}` };
  return exitCode === 0 ? { ...nothing, passed: [line] } : { ...nothing, failed: [line] };
}

async function runToolchains(run: RunHere, tree: Tree): Promise<Outcome> {
  const total: Outcome = { passed: [], failed: [], unreadable: null };
  for (const toolchain of Object.values(TOOLCHAINS)) {
    if (!toolchain.applies(tree.paths)) continue;
    const seen = await runToolchain(run, tree, toolchain);
    if (!seen) continue;
    total.passed.push(...seen.passed);
    total.failed.push(...seen.failed);
    total.unreadable ??= seen.unreadable;
  }
  if (total.passed.length + total.failed.length === 0) total.unreadable ??= "No test was found.";
  return total;
}

async function runToolchain(run: RunHere, tree: Tree, toolchain: ToolchainAdapter): Promise<Outcome | null> {
  if (!toolchain.test(tree.paths, tree.readText)) return null;
  const canary = toolchain.canary(tree.paths, tree.readText, randomBytes(8).toString("hex"));
  const command = toolchain.test([...tree.paths, canary.path], (path) =>
    path === canary.path ? canary.content : tree.readText(path),
  );
  if (!command) return null;
  await write(run, canary);
  const { tests, unreadable } = toolchain.parseTests(await run(command));
  const ids = (...wanted: string[]) =>
    tests.filter(({ outcome, id }) => id !== canary.id && wanted.includes(outcome)).map(({ id }) => id);
  const sang = tests.some(({ id, outcome }) => id === canary.id && outcome === "failed");
  return {
    passed: ids("passed"),
    failed: ids("failed", "error"),
    unreadable: unreadable ?? (sang ? null : "a test that must fail was not reported as failed"),
  };
}

async function write(run: RunHere, { path, content }: Canary): Promise<void> {
  const script = 'mkdir -p -- "$(dirname -- "$0")" && printf %s "$1" > "$0"';
  const argv = ["sh", "-c", script, path, content];
  const { exitCode, stderr } = await run({ argv, env: {}, timeoutMs: WRITE_MS, report: null });
  if (exitCode !== 0) throw new Error(`A test could not be written into the sandbox: ${stderr}`);
}

/** The linters' errors in a folder, as `file rule`, sorted; twice when there are two. */
export function lintErrors(place: CleanPlace, folder: string): Promise<string[]> {
  const { paths } = filesIn(folder);
  return place.within(folder, async (run) => {
    const found: string[] = [];
    for (const toolchain of Object.values(TOOLCHAINS)) {
      const command = toolchain.applies(paths) ? toolchain.lint(paths) : null;
      if (!command) continue;
      const { problems, unreadable } = toolchain.parseLint(await run(command));
      if (unreadable) found.push(`(${toolchain.name}) ${unreadable.slice(0, 200)}`);
      for (const { file, rule, severity } of problems)
        if (severity === "error") found.push(`${file} ${rule}`);
    }
    return found.sort();
  });
}

/** The regular files of a folder as an adapter asks about them, without git's own. */
function filesIn(folder: string): Tree {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith(".git/"))
    .sort();
  const known = new Set(paths);
  return { paths, readText: (file) => (known.has(file) ? readFileSync(join(folder, file), "utf8") : null) };
}
