// Lints every JavaScript and TypeScript file of the workspace with eslint and writes our lint report.
// A project's own configuration is used when it can be loaded; otherwise ours, and the report says so.
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ESLint } from "eslint";
import { listFiles, readArguments } from "./arguments.mjs";
import { configRemark, finishLint, leftOutRemarks } from "./lint-report.mjs";

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

/** Lints by the project's configuration, or by ours where that one cannot be used. */
async function lintGroup(root, config, files) {
  if (config === null) return { results: await lintWithOurs(root, files), remarks: [] };
  try {
    const results = await lintWithTheirs(root, config, files);
    const seen = new Set(results.map((result) => relative(root, result.filePath)));
    const leftOut = files.filter((file) => !seen.has(file));
    return { results, remarks: leftOutRemarks(config, leftOut) };
  } catch (error) {
    // Usually a plugin that cannot be installed without a network. Not the project's error, but it must be seen.
    const [why] = String(error?.message ?? error).split("\n");
    const remark = configRemark(config, `Not used, our configuration was instead: ${why.slice(0, 300)}`);
    return { results: await lintWithOurs(root, files), remarks: [remark] };
  }
}

async function lintAll(root, files) {
  const problems = [];
  let checked = 0;
  for (const [config, members] of byConfig(root, files)) {
    const { results, remarks } = await lintGroup(root, config, members);
    checked += results.length;
    problems.push(...remarks);
    for (const result of results) {
      problems.push(...result.messages.map((message) => toProblem(root, result, message)));
    }
  }
  if (checked === 0) throw new Error("the project's configuration leaves every file unchecked");
  return problems;
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

  problems: [],
  error: null,
};
try {
  if (files.length > 0) outcome.problems = await lintAll(root, files);
} catch (error) {
  outcome.error = `eslint could not run: ${String(error?.message ?? error).slice(0, 2000)}`;
}
finishLint(report, outcome);
