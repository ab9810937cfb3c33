// Lints every Python file of the workspace with ruff's wasm build and writes our lint report.
// Settings that ruff refuses are an error of the project, reported as such; nothing is passed over in silence.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { setFlagsFromString } from "node:v8";
import { listFiles, readArguments } from "./arguments.mjs";
import { finishLint, leftOutRemarks } from "./lint-report.mjs";
import { matchesGlob, settingsFor } from "./ruff-settings.mjs";

// The optimizing compiler costs 0.5 s of start for a program that runs for a moment. Must come before the wasm is loaded.
setFlagsFromString("--liftoff-only");
const { PositionEncoding, Workspace } = await import("@astral-sh/ruff-wasm-nodejs");
const { version } = createRequire(import.meta.url)("@astral-sh/ruff-wasm-nodejs/package.json");
const root = process.cwd();
const workspaces = new Map();

/** One wasm workspace per settings; throws with ruff's own words when it refuses them. */
function workspaceFor(settings) {
  if (!workspaces.has(settings)) {
    workspaces.set(settings, new Workspace(settings.options, PositionEncoding.Utf32));
  }
  return workspaces.get(settings);
}

function lintFile(file, settings) {
  const local = relative(settings.base || ".", file);
  const ignored = Object.entries(settings.perFile)
    .filter(([pattern]) =>
      pattern.startsWith("!") ? !matchesGlob(pattern.slice(1), local) : matchesGlob(pattern, local),
    )
    .flatMap(([, codes]) => codes);
  return workspaceFor(settings)
    .check(readFileSync(join(root, file), "utf8"))
    .filter((one) => !one.code || !ignored.some((prefix) => prefix === "ALL" || one.code.startsWith(prefix)))
    .map((one) => ({
      file,
      line: one.start_location.row,
      column: one.start_location.column,
      rule: one.code ?? "syntax",
      message: one.message,
      severity: "error",
    }))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

function isExcluded(file, settings) {
  const local = relative(settings.base || ".", file);
  return settings.excludes.some((pattern) => matchesGlob(pattern, local));
}

function lintAll(files) {
  const cache = new Map();
  const problems = [];
  const leftOut = new Map();
  let checked = 0;
  for (const file of files) {
    const settings = settingsFor(root, file, cache);
    if (isExcluded(file, settings)) leftOut.set(settings.path, [...(leftOut.get(settings.path) ?? []), file]);
    else {
      problems.push(...lintFile(file, settings));
      checked++;
    }
  }
  if (checked === 0 && files.length > 0) throw new Error("they leave every file unchecked");
  return [...problems, ...[...leftOut].flatMap(([path, names]) => leftOutRemarks(path, names))];
}

const { report } = readArguments();
const files = listFiles(root, (name) => /\.pyi?$/.test(name));
const outcome = { tool: `ruff ${version}`, files: files.length, problems: [], error: null };
try {
  outcome.problems = lintAll(files);
} catch (error) {
  outcome.error = `ruff could not lint with the project's settings: ${String(error?.message ?? error).slice(0, 2000)}`;
}
finishLint(report, outcome);
