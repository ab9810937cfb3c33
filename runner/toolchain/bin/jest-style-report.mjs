// Turns the JSON result that jest and vitest both write into lines of our report.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { runTimeoutMs } from "./limits.mjs";

const OUTCOMES = {
  passed: "passed",
  failed: "failed",
  pending: "skipped",
  skipped: "skipped",
  todo: "skipped",
  disabled: "skipped",
};

/**
 * Runs a test program that writes its JSON result to a file, and reports every test in it.
 * @param {(resultFile: string) => string[]} argumentsFor the arguments of node
 */
export function runJestStyle(report, workspace, tool, argumentsFor) {
  report.tool(tool);
  const folder = mkdtempSync(join(tmpdir(), "fabrica-result-"));
  const resultFile = join(folder, "result.json");
  try {
    const { status, signal, error } = spawnSync(process.execPath, argumentsFor(resultFile), {
      stdio: ["ignore", "inherit", "inherit"],
      timeout: runTimeoutMs(),
      killSignal: "SIGKILL",
    });
    const end =
      error?.code === "ETIMEDOUT"
        ? `did not end within ${runTimeoutMs() / 1000} s: a test hangs, or a server, timer or connection was left open`
        : `ended with ${signal ?? `exit code ${status}`}; its output says why`;
    const result = readResult(resultFile);
    if (result === null) {
      report.error(`${tool} gave no result and ${end}.`);
      return;
    }
    const failures = reportFiles(report, workspace, result);
    if (status !== 0 && failures === 0) {
      report.error(`${tool} reported no failure but ${end}.`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readResult(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}

/** @returns how many failures were reported */
function reportFiles(report, workspace, result) {
  let failures = 0;
  for (const file of result.testResults ?? []) {
    const name = relative(workspace, file.name);
    const tests = file.assertionResults ?? [];
    for (const test of tests) {
      const outcome = OUTCOMES[test.status] ?? "error";
      if (outcome === "failed" || outcome === "error") failures++;
      const id = [name, ...(test.ancestorTitles ?? []), test.title].join("::");
      report.result(id, outcome, test.duration ?? 0, (test.failureMessages ?? []).join("\n"));
    }
    // The file itself failed: it could not be read, or it holds no test.
    if (file.status === "failed" && !tests.some((test) => test.status === "failed")) {
      failures++;
      report.result(name, "error", 0, file.message || "The file failed outside of its tests.");
    }
  }
  return failures;
}
