// Reads the machine-readable reports of the test programs. What cannot be read counts as a failure.
import { readFileSync } from "node:fs";

const NOTHING = { passed: 0, failed: 0, skipped: 0 };

/** Adds counts up. */
export function sum(counts) {
  return counts.reduce(
    (all, one) => ({
      passed: all.passed + one.passed,
      failed: all.failed + one.failed,
      skipped: all.skipped + one.skipped,
    }),
    NOTHING,
  );
}

/** A part without single tests: one pass or one failure. */
export function failedPart(exitCode) {
  return exitCode === 0 ? { ...NOTHING, passed: 1 } : { ...NOTHING, failed: 1 };
}

/** The program's own exit code has the last word: failing without a failed test is a failure too. */
function withExitCode(counts, exitCode) {
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function readReport(file, exitCode, count) {
  try {
    return withExitCode(count(JSON.parse(readFileSync(file, "utf8"))), exitCode);
  } catch {
    return { ...NOTHING, failed: 1 };
  }
}

/** Counts of vitest's JSON report. A file that could not even be loaded has no tests and is one failure. */
export function countVitest(file, exitCode) {
  return readReport(file, exitCode, (report) => ({
    passed: report.numPassedTests,
    failed:
      report.numFailedTests +
      report.testResults.filter(
        ({ status, assertionResults }) =>
          status === "failed" && !assertionResults.some((test) => test.status === "failed"),
      ).length,
    skipped: report.numPendingTests + report.numTodoTests,
  }));
}

/** Counts of Playwright's JSON report. A flaky test has failed once, so it counts as failed. */
export function countPlaywright(file, exitCode) {
  return readReport(file, exitCode, ({ stats, errors }) => ({
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky + (errors.length > 0 && stats.unexpected === 0 ? 1 : 0),
    skipped: stats.skipped,
  }));
}
