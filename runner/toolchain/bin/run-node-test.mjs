// Runs files with Node's own test runner, each in a process of its own, and reports every test by its names.
// One run per file, because a test that a helper module defines carries the helper's path in its events.
// Events come in the order of declaration, so a stack of names by nesting gives each test its full id.
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { run as runTests } from "node:test";
import { spec } from "node:test/reporters";
import { fileTimeoutMs } from "./limits.mjs";

/** Understands TypeScript and is loaded into every test process when the group has TypeScript files. */
const TYPESCRIPT_LOADER = new URL("../node_modules/tsx/dist/loader.mjs", import.meta.url).href;
const MAX_STDERR = 4000;

function failureText(error) {
  const cause = error?.cause;
  return String(cause?.stack ?? cause?.message ?? cause ?? error?.message ?? error ?? "failed");
}

/** Text for an entry about the file as a whole: it broke outside of its tests, or never ended. */
function fileFailure(error, stderr) {
  const hint =
    error?.failureType === "testTimeoutFailure"
      ? `The file did not end within ${fileTimeoutMs() / 1000} s: a test hangs, or a server, timer or connection was left open.`
      : failureText(error);
  return `${hint}\n${stderr}`.trim();
}

/** A mark is `true` or its reason, which may be empty. */
function isMarked(mark) {
  return mark !== undefined && mark !== false;
}

async function runFile(report, file, path) {
  const names = [];
  let stderr = "";
  const isFile = (data) => data.nesting === 0 && resolve(data.name) === path;
  const idOf = (data) =>
    isFile(data) ? file : [file, ...names.slice(0, data.nesting), data.name].join("::");
  const finished = (data, passed) => {
    const error = data.details?.error;
    const skipped = isMarked(data.skip) || isMarked(data.todo);
    const ownFailure = !passed && error?.failureType !== "subtestsFailed";
    // A suite has no outcome of its own, unless its body or a hook failed or it was left out as a whole.
    if (data.details?.type === "suite" && !ownFailure && !skipped) return;
    const whole = isFile(data);
    const outcome = skipped ? "skipped" : passed ? "passed" : whole ? "error" : "failed";
    const message = passed ? "" : whole ? fileFailure(error, stderr) : failureText(error);
    report.result(idOf(data), outcome, data.details?.duration_ms, message);
  };
  const stream = runTests({ files: [path], timeout: fileTimeoutMs() });
  stream.on("test:start", (data) => {
    names.length = data.nesting;
    names.push(data.name);
    report.started(idOf(data));
  });
  stream.on("test:pass", (data) => finished(data, true));
  stream.on("test:fail", (data) => finished(data, false));
  stream.on("test:stderr", (data) => {
    stderr = (stderr + data.message).slice(-MAX_STDERR);
  });
  let printed = "";
  for await (const text of stream.compose(new spec())) printed += text;
  process.stdout.write(printed);
}

/**
 * @param {ReturnType<import("./test-report.mjs").openReport>} report
 * @param {string} workspace absolute folder that ids are relative to
 * @param {{ files: string[], typescript: boolean }} group files relative to the workspace
 */
export async function run(report, workspace, group) {
  report.tool(`node:test ${process.versions.node}`);
  const before = process.env.NODE_OPTIONS;
  if (group.typescript) process.env.NODE_OPTIONS = `${before ?? ""} --import ${TYPESCRIPT_LOADER}`.trim();
  const waiting = [...group.files];
  const next = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      await runFile(report, file, resolve(workspace, file));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
  if (before === undefined) delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = before;
}
