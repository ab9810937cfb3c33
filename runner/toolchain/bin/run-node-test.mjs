// Runs files with Node's own test runner, each in a process of its own, and reports every test by its names.
// Test events come in the order of declaration, so a stack of names by nesting gives each test its full id.
import { relative, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { run as runTests } from "node:test";
import { spec } from "node:test/reporters";

/** Understands TypeScript and is loaded into every test process when the group has TypeScript files. */
const TYPESCRIPT_LOADER = new URL("../node_modules/tsx/dist/loader.mjs", import.meta.url).href;
const MAX_STDERR = 4000;

function failureText(error) {
  const cause = error?.cause;
  const text = cause?.stack ?? cause?.message ?? cause ?? error?.message ?? error ?? "failed";
  return String(text);
}

/**
 * @param {ReturnType<import("./test-report.mjs").openReport>} report
 * @param {string} workspace absolute folder that ids are relative to
 * @param {{ files: string[], typescript: boolean }} group files relative to the workspace
 */
export async function run(report, workspace, group) {
  report.tool(`node:test ${process.versions.node}`);
  if (group.typescript) {
    process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ""} --import ${TYPESCRIPT_LOADER}`.trim();
  }
  const names = [];
  const stderr = new Map();
  const fileOf = (data) => relative(workspace, data.file ?? "");
  const idOf = (data) => {
    const file = fileOf(data);
    // An entry for the file as a whole carries the path as its name.
    if (data.nesting === 0 && resolve(data.name) === data.file) return file;
    return [file, ...names.slice(0, data.nesting), data.name].join("::");
  };
  const finished = (data, passed) => {
    const error = data.details?.error;
    const skipped = data.skip !== undefined || data.todo !== undefined;
    const ownFailure = !passed && error?.failureType !== "subtestsFailed";
    // A suite has no outcome of its own, unless its body or a hook failed or it was left out as a whole.
    if (data.details?.type === "suite" && !ownFailure && !skipped) return;
    const whole = idOf(data) === fileOf(data);
    const outcome = skipped ? "skipped" : passed ? "passed" : whole ? "error" : "failed";
    const log = whole ? `\n${stderr.get(data.file) ?? ""}` : "";
    report.result(
      idOf(data),
      outcome,
      data.details?.duration_ms,
      passed ? "" : `${failureText(error)}${log}`.trim(),
    );
  };
  const stream = runTests({ files: group.files.map((file) => resolve(workspace, file)), concurrency: true });
  stream.on("test:start", (data) => {
    names.length = data.nesting;
    names.push(data.name);
    report.started(idOf(data));
  });
  stream.on("test:pass", (data) => finished(data, true));
  stream.on("test:fail", (data) => finished(data, false));
  stream.on("test:stderr", (data) => {
    stderr.set(data.file, ((stderr.get(data.file) ?? "") + data.message).slice(-MAX_STDERR));
  });
  await pipeline(stream, new spec(), process.stdout, { end: false });
}
