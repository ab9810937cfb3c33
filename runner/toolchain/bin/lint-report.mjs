// The report that both linters write: one JSON object, read by server/toolchains/lint-report.ts.
import { writeFileSync } from "node:fs";

/** Enough for any fix; more would only make the report unreadable. */
const MAX_PROBLEMS = 5000;

/**
 * Writes the report and a short text for people, and sets the exit code: 0 clean, 1 errors, 2 could not lint.
 * @param {string} path
 * @param {{ tool: string, files: number, notes: string[], problems: object[], error: string | null }} report
 */
export function finishLint(path, report) {
  const problems = report.problems.slice(0, MAX_PROBLEMS);
  const notes = [...report.notes];
  if (problems.length < report.problems.length) {
    notes.push(`Only the first ${MAX_PROBLEMS} of ${report.problems.length} problems are listed.`);
  }
  writeFileSync(path, JSON.stringify({ v: 1, ...report, notes, problems }));
  for (const note of notes) console.log(`note: ${note}`);
  for (const one of problems.slice(0, 200)) {
    console.log(`${one.file}:${one.line}:${one.column} ${one.severity} ${one.message} (${one.rule})`);
  }
  if (report.error) console.error(report.error);
  console.log(`${report.tool}: ${report.files} files, ${report.problems.length} problems`);
  process.exitCode = report.error ? 2 : problems.some((one) => one.severity === "error") ? 1 : 0;
}
