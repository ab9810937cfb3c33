// Prints the versions of the toolchain's programs and loads the native parts among them, so that a folder installed
// for another platform is noticed before the first job.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const NAMES = [
  "eslint",
  "typescript",
  "typescript-eslint",
  "jest",
  "vitest",
  "tsx",
  "@astral-sh/ruff-wasm-nodejs",
];

const versions = { node: process.versions.node };
for (const name of NAMES) versions[name] = require(`${name}/package.json`).version;
require("esbuild").transformSync("const a: number = 1", { loader: "ts" });
console.log(JSON.stringify(versions));
