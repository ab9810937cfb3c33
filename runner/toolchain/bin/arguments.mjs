// Reads the command line that all our sandbox programs share: MODE, --report FILE, then one JSON group per argument.
import { readdirSync, rmSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** Folders that never hold the project's own source. */
export const SKIPPED_FOLDERS = new Set([
  ".git",
  ".hg",
  ".mypy_cache",
  ".next",
  ".pytest_cache",
  ".ruff_cache",
  ".tox",
  ".venv",
  "__pycache__",
  "__pypackages__",
  "build",
  "coverage",
  "dist",
  "node_modules",
  "out",
  "site-packages",
  "venv",
]);

/** @returns the words before `--report`, the report's path, and the parsed groups; throws on a wrong command line */
export function readArguments(argv = process.argv.slice(2)) {
  const words = [];
  const groups = [];
  let report = null;
  for (let at = 0; at < argv.length; at++) {
    if (argv[at] === "--report") report = argv[++at] ?? null;
    else if (argv[at].startsWith("{")) groups.push(JSON.parse(argv[at]));
    else words.push(argv[at]);
  }
  if (!report) throw new Error("--report FILE is missing");
  // The report of an earlier run must not stand in for this one, should this one break off.
  rmSync(report, { force: true, recursive: true });
  return { words, report, groups };
}

/**
 * Lists the workspace's files whose name passes `wanted`, sorted, without following links.
 * @param {string} root absolute folder
 * @param {(name: string) => boolean} wanted
 * @returns {string[]} paths relative to `root`, `/` separated
 */
export function listFiles(root, wanted) {
  const found = [];
  const visit = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!SKIPPED_FOLDERS.has(entry.name)) visit(path);
      } else if (entry.isFile() && wanted(entry.name)) found.push(relative(root, path).split(sep).join("/"));
    }
  };
  visit(root);
  return found.sort();
}
