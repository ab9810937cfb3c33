// Reads the JSON-lines reports of our test programs (runner/toolchain/bin/test-report.mjs, fabrica_report.py).
// They are written inside the sandbox, by code under test for all we know: each line is checked, a missing closing
// line means the run was cut off, and an exit code that contradicts the results makes the report unreadable.
import { z } from "zod";
import type { RunOutput, TestReport, TestResult } from "./port";
import { MAX_REPORT_CHARS, unreadableBecause } from "./unreadable";

const MAX_TESTS = 20_000;
const MAX_MESSAGE = 4000;

const id = z.string().min(1).max(2000);
const line = z.union([
  z.object({ v: z.literal(1), tool: z.string().max(200) }),
  z.object({ tool: z.string().max(200) }),
  z.object({ test: id }),
  z.object({ start: id }),
  z.object({
    result: z.object({
      id,
      outcome: z.enum(["passed", "failed", "error", "skipped"]),
      ms: z.number().nonnegative(),
      message: z.string(),
    }),
  }),
  z.object({ error: z.string() }),
  z.object({ end: z.literal(true) }),
]);

interface Lines {
  tool: string;
  tests: TestResult[];
  listed: string[];
  /** The test that began last and has no result, if any. */
  running: string | null;
  errors: string[];
  ended: boolean;
}

/** Reads all lines, or says what is wrong with them. */
function readLines(fallback: string, text: string): Lines | { broken: string } {
  if (text.length > MAX_REPORT_CHARS) return { broken: "wrote a report that is too long" };
  const tools: string[] = [];
  const state: Lines = { tool: fallback, tests: [], listed: [], running: null, errors: [], ended: false };
  const rows = text.split("\n").filter((row) => row !== "");
  for (const [at, row] of rows.entries()) {
    if (state.ended) return { broken: "wrote more after the end of its report" };
    const parsed = line.safeParse(parseJson(row));
    if (!parsed.success) return { broken: `wrote a report whose line ${at + 1} cannot be read` };
    const one = parsed.data;
    if (at === 0 && !("v" in one)) return { broken: "wrote a report without its first line" };
    if ("tool" in one) {
      if (!("v" in one)) tools.push(one.tool);
    } else if ("test" in one) state.listed.push(one.test);
    else if ("start" in one) state.running = one.start;
    else if ("error" in one) state.errors.push(one.error.slice(0, MAX_MESSAGE));
    else if ("end" in one) state.ended = true;
    else {
      const { ms, message, ...result } = one.result;
      if (state.running === result.id) state.running = null;
      state.tests.push({ ...result, durationMs: ms, message: message.slice(0, MAX_MESSAGE) });
    }
    if (state.tests.length > MAX_TESTS || state.listed.length > MAX_TESTS) {
      return { broken: `reported more than ${MAX_TESTS} tests` };
    }
  }
  if (tools.length > 0) state.tool = [...new Set(tools)].join(", ");
  return state;
}

/** What the program itself gave as the reason, with its last output. */
function told(tool: string, errors: string[], output: RunOutput): string {
  return `${errors.join("\n\n").slice(0, MAX_MESSAGE)}\n\n${unreadableBecause(tool, "stopped", output)}`;
}

function parseJson(row: string): unknown {
  try {
    return JSON.parse(row);
  } catch {
    return undefined;
  }
}

/**
 * @param tool name to show when the report itself cannot be read
 * @returns every result; `unreadable` is set when the run cannot be judged, even if some results are there
 */
export function parseTestReport(tool: string, output: RunOutput): TestReport {
  const fail = (reason: string, name = tool, tests: TestResult[] = []): TestReport => ({
    tool: name,
    tests,
    unreadable: unreadableBecause(name, reason, output),
  });
  if (output.report === null || output.report === "") return fail("wrote no report");
  const lines = readLines(tool, output.report);
  if ("broken" in lines) return fail(lines.broken);
  if (lines.errors.length > 0) {
    return { tool: lines.tool, tests: lines.tests, unreadable: told(lines.tool, lines.errors, output) };
  }
  if (!lines.ended) {
    const last = lines.running === null ? "" : ` while ${lines.running} was running`;
    return fail(`was cut off${last}`, lines.tool, lines.tests);
  }
  if (lines.tests.length === 0) return fail("ran no test", lines.tool);
  const failed = lines.tests.some((test) => test.outcome === "failed" || test.outcome === "error");
  if (output.exitCode !== (failed ? 1 : 0)) {
    return fail("ended with an exit code that contradicts its own report", lines.tool, lines.tests);
  }
  return { tool: lines.tool, tests: lines.tests, unreadable: null };
}

/** Reads a listing of test ids, each once, in order. */
export function parseCollectedReport(
  tool: string,
  output: RunOutput,
): { ids: string[]; unreadable: string | null } {
  const fail = (reason: string) => ({ ids: [], unreadable: unreadableBecause(tool, reason, output) });
  if (output.report === null || output.report === "") return fail("wrote no list of tests");
  const lines = readLines(tool, output.report);
  if ("broken" in lines) return fail(lines.broken);
  if (lines.errors.length > 0) return { ids: [], unreadable: told(tool, lines.errors, output) };
  if (!lines.ended) return fail("was cut off while it listed the tests");
  return { ids: [...new Set(lines.listed)], unreadable: null };
}
