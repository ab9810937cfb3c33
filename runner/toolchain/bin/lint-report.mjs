// The report that both linters write: one JSON object, read by server/toolchains/lint-report.ts.
import { writeFileSync } from "node:fs";

/** Enough for any fix; more would only make the report unreadable. */
const MAX_PROBLEMS = 5000;

/** A remark about the configuration, listed as a warning so that it is seen and does not fail the check. */
export function configRemark(file, message) {
  return { file, line: 1, column: 1, rule: "fabrica/config", message, severity: "warning" };
}

/** The remark about files that a configuration leaves out of the check, if any. */
export function leftOutRemarks(config, files) {
  if (files.length === 0) return [];
  const names = files.slice(0, 10).join(", ") + (files.length > 10 ? ", …" : "");
  return [configRemark(config, `Leaves ${files.length} files unchecked: ${names}`)];
}

/**
 * Writes the report and a short text for people, and sets the exit code: 0 clean, 1 errors, 2 could not lint.
 * @param {string} path
 * @param {{ tool: string, files: number, problems: object[], error: string | null }} report
 */
export function finishLint(path, report) {
  // Errors first: what is cut off must not be what decides.
  const errors = report.problems.filter((one) => one.severity === "error");
  const warnings = report.problems.filter((one) => one.severity !== "error");
  const problems = [...errors, ...warnings].slice(0, MAX_PROBLEMS);
  writeFileSync(path, JSON.stringify({ v: 1, ...report, problems }));
  for (const one of problems.slice(0, 200)) {
    console.log(`${one.file}:${one.line}:${one.column} ${one.severity} ${one.message} (${one.rule})`);
  }
  if (report.error) console.error(report.error);
  console.log(`${report.tool}: ${report.files} files, ${report.problems.length} problems`);
  process.exitCode = report.error ? 2 : errors.length > 0 ? 1 : 0;
}
