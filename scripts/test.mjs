// Runs every kind of test, sums their reports and ends with one line: `N passed, N failed, N skipped`.
// `npm test -- check unit e2e` runs only the named parts. Under CI=true a skipped test counts as a failure.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram, step } from "./start/run-program.mjs";
import { countPlaywright, countVitest, failedPart, sum } from "./test/counts.mjs";
import { runPart, stopOnSignal } from "./test/run-part.mjs";

const bin = (name) => join("node_modules", name);
const node = process.execPath;

/** Each answers the counts of one part. `reports` is a folder for report files. */
const PARTS = {
  async check() {
    const checks = [
      ["npm", ["run", "--silent", "check"]],
      [node, [bin("tsx/dist/cli.mjs"), "scripts/migration.ts", "--check"]],
    ];
    const counts = [];
    for (const [program, args] of checks) counts.push(failedPart(await runPart(program, args)));
    return sum(counts);
  },
  async unit(reports) {
    const file = join(reports, "vitest.json");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const code = await runPart(node, [bin("vitest/vitest.mjs"), "run", ...reporters]);
    return countVitest(file, code);
  },
  async e2e(reports) {
    const file = join(reports, "playwright.json");
    const args = [bin("@playwright/test/cli.js"), "test", "--reporter=list,json"];
    const code = await runPart(node, args, { PLAYWRIGHT_JSON_OUTPUT_NAME: file });
    return countPlaywright(file, code);
  },
};

/** @returns {Promise<number>} the exit code */
export async function runTests(names) {
  const wanted = names.length > 0 ? names : Object.keys(PARTS);
  const unknown = wanted.filter((name) => !PARTS[name]);
  if (unknown.length > 0) {
    console.error(`There is no part "${unknown[0]}". Known are: ${Object.keys(PARTS).join(", ")}.`);
    return 2;
  }
  const reports = mkdtempSync(join(tmpdir(), "fabrica-reports-"));
  stopOnSignal();
  try {
    await step("Preparing the toolchain", () =>
      runProgram(node, ["scripts/install-toolchain.mjs"], { title: "Installing the toolchain" }),
    );
    const counts = [];
    for (const name of wanted) {
      console.log(`\n── ${name}`);
      counts.push(await PARTS[name](reports));
    }
    const { passed, failed, skipped } = sum(counts);
    const complete = skipped === 0 || process.env.CI !== "true";
    if (!complete) console.log("\nUnder CI=true nothing may be skipped.");
    console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
    return failed === 0 && passed > 0 && complete ? 0 : 1;
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
}
