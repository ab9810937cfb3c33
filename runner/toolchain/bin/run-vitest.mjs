// Runs files with vitest: the project's own when it is installed, else the toolchain's. Its caches are kept out of
// the workspace.
import { existsSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { runJestStyle } from "./jest-style-report.mjs";

const OFFER_TOOLCHAIN = new URL("offer-toolchain.mjs", import.meta.url).href;

function vitestProgram(folder) {
  const places = [join(folder, "package.json"), import.meta.url];
  for (const place of places) {
    try {
      const home = dirname(createRequire(place).resolve("vitest/package.json"));
      const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
      return { program: join(home, "vitest.mjs"), version };
    } catch {
      // Not installed there; the toolchain's always is.
    }
  }
  throw new Error("vitest is not installed");
}

/** Runs a group of test files; the current folder is the project's. */
export function run(report, workspace, group) {
  const folder = process.cwd();
  const { program, version } = vitestProgram(folder);
  const installed = existsSync("node_modules");
  runJestStyle(report, workspace, `vitest ${version}`, (resultFile) => [
    ...[
      "--import",
      OFFER_TOOLCHAIN,
      program,
      "run",
      "--root",
      folder,
      "--reporter=default",
      "--reporter=json",
    ],
    ...[`--outputFile.json=${resultFile}`, "--coverage.enabled=false", "--cache=false"],
    ...group.files.map((file) => resolve(workspace, file)),
  ]);
  if (installed) return;
  for (const name of [".vite", ".vite-temp"])
    rmSync(join("node_modules", name), { recursive: true, force: true });
  if (existsSync("node_modules")) rmdirSync("node_modules");
}
