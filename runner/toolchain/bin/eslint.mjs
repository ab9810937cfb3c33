// Lints every JavaScript and TypeScript file of the workspace with eslint and writes our lint report.
// A project's own configuration is used when it can be loaded; otherwise ours, and the report says so.
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ESLint } from "eslint";
import { listFiles, readArguments } from "./arguments.mjs";
import { finishLint } from "./lint-report.mjs";

const SOURCE = /\.(?:js|mjs|cjs|jsx|ts|mts|cts|tsx)$/;
const TYPESCRIPT = /\.(?:ts|mts|cts|tsx)$/;
const CONFIG_NAMES = ["js", "mjs", "cjs"].map((ending) => `eslint.config.${ending}`);
const GENERATED = /\.min\.[cm]?js$/;

/** The project's configuration file that governs `file`: the nearest one at or above it. */
function configFor(root, file) {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    for (const name of CONFIG_NAMES) {
      const path = folder === "." ? name : `${folder}/${name}`;
      if (existsSync(join(root, path))) return path;
    }
    if (folder === ".") return null;
  }
}

/** Files by the configuration that governs them; the key is null for files without one. */
function byConfig(root, files) {
  const groups = new Map();
  for (const file of files) {
    const config = configFor(root, file);
    groups.set(config, [...(groups.get(config) ?? []), file]);
  }
  return groups;
}

async function lintWithOurs(root, files) {
  const withTypeScript = files.some((file) => TYPESCRIPT.test(file));
  const { defaultConfig } = await import("./eslint-default.mjs");
  const eslint = new ESLint({
    cwd: root,
    overrideConfigFile: true,
    overrideConfig: await defaultConfig(withTypeScript),
    // Otherwise "dist" and the like below an ignored folder would only be warned about.
    warnIgnored: false,
  });
  return eslint.lintFiles(files);
}

async function lintWithTheirs(root, config, files) {
  await import("./offer-toolchain.mjs");
  const eslint = new ESLint({ cwd: dirname(join(root, config)), warnIgnored: false });
  return eslint.lintFiles(files.map((file) => join(root, file)));
}

async function lintAll(root, files) {
  const notes = [];
  const problems = [];
  for (const [config, members] of byConfig(root, files)) {
    let results = null;
    if (config) {
      try {
        results = await lintWithTheirs(root, config, members);
      } catch (error) {
        const why = String(error?.message ?? error)
          .split("\n")[0]
          .slice(0, 300);
        notes.push(`${config} could not be used, so our configuration was: ${why}`);
        problems.push(configProblem(config, why));
      }
    }
    results ??= await lintWithOurs(root, members);
    for (const result of results)
      problems.push(...result.messages.map((message) => toProblem(root, result, message)));
  }
  return { notes, problems };
}

/** Not an error: plugins cannot be installed without a network. But it must be seen. */
function configProblem(file, why) {
  return {
    file,
    line: 1,
    column: 1,
    rule: "fabrica/config",
    message: `Not used: ${why}`,
    severity: "warning",
  };
}

function toProblem(root, result, message) {
  return {
    file: relative(root, result.filePath),
    line: message.line ?? 1,
    column: message.column ?? 1,
    rule: message.ruleId ?? (message.fatal ? "syntax" : "eslint"),
    message: message.message,
    severity: message.severity === 2 ? "error" : "warning",
  };
}

const { report } = readArguments();
const root = process.cwd();
const files = listFiles(root, (name) => SOURCE.test(name) && !GENERATED.test(name));
const outcome = {
  tool: `eslint ${ESLint.version}`,
  files: files.length,
  notes: [],
  problems: [],
  error: null,
};
try {
  if (files.length > 0) Object.assign(outcome, await lintAll(root, files));
} catch (error) {
  outcome.error = `eslint could not run: ${String(error?.message ?? error).slice(0, 2000)}`;
}
finishLint(report, outcome);
