// Runs files with jest: the project's own when it is installed, else the toolchain's. A project's configuration is
// used as it is, unless it needs a transform that is not installed; then ours is used, and the report says so.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { runJestStyle } from "./jest-style-report.mjs";

const CONFIGS = ["js", "mjs", "cjs", "ts", "json"].map((ending) => `jest.config.${ending}`);
/** Packages that configurations commonly name and that cannot be there without a network. */
const TRANSFORMS = ["ts-jest", "@swc/jest", "esbuild-jest", "@babel/preset-env", "jest-environment-jsdom"];
const TRANSFORM = fileURLToPath(new URL("jest-transform.cjs", import.meta.url));

function manifest(folder) {
  const path = join(folder, "package.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
}

function canResolve(folder, name) {
  try {
    createRequire(join(folder, "package.json")).resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}

/** @returns the text of the project's jest (and babel) configuration, or null when it has none */
function ownConfig(folder, own) {
  const file = CONFIGS.find((name) => existsSync(join(folder, name)));
  if (!file && own.jest === undefined) return null;
  const babel = ["babel.config.js", "babel.config.cjs", "babel.config.json", ".babelrc"];
  const texts = [file, ...babel].filter((name) => name && existsSync(join(folder, name)));
  return [
    JSON.stringify(own.jest ?? ""),
    ...texts.map((name) => readFileSync(join(folder, name), "utf8")),
  ].join("\n");
}

function ourConfig(folder, own, typescript) {
  const config = {
    rootDir: folder,
    testEnvironment: "node",
    transform: { "\\.[cm]?[jt]sx?$": TRANSFORM },
    testMatch: ["**/*"],
  };
  if (own.type === "module") {
    config.extensionsToTreatAsEsm = [".ts", ".tsx", ".jsx", ".mts"];
    // TypeScript's ES modules import "./x.js" and mean x.ts.
    if (typescript) config.moduleNameMapper = { "^(\\.{1,2}/.*)\\.js$": "$1" };
  }
  return config;
}

/** Where jest is started from: the project's installation or ours. */
function jestProgram(folder) {
  const from = canResolve(folder, "jest") ? join(folder, "package.json") : import.meta.url;
  const home = dirname(createRequire(from).resolve("jest/package.json"));
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  return { program: join(home, "bin/jest.js"), version };
}

/** Runs a group of test files; the current folder is the project's. */
export function run(report, workspace, group) {
  const folder = process.cwd();
  const own = manifest(folder);
  const { program, version } = jestProgram(folder);
  const config = ownConfig(folder, own);
  const missing = TRANSFORMS.filter((name) => config?.includes(name) && !canResolve(folder, name));
  const ours = config === null || missing.length > 0;
  const note = missing.length > 0 ? ` (our configuration: ${missing.join(", ")} is not installed)` : "";
  runJestStyle(report, workspace, `jest ${version}${note}`, (resultFile) => [
    ...[
      "--experimental-vm-modules",
      "--no-warnings",
      program,
      "--ci",
      "--watchman=false",
      "--coverage=false",
    ],
    ...["--json", `--outputFile=${resultFile}`, `--cacheDirectory=${join(tmpdir(), "fabrica-jest")}`],
    ...(ours ? ["--config", JSON.stringify(ourConfig(folder, own, group.typescript))] : []),
    ...["--runTestsByPath", ...group.files.map((file) => resolve(workspace, file))],
  ]);
}
