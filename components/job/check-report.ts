// Reads the stored report of a check. Reports are made by several toolchains at once, so they are searched
// for the parts that a page can show, and whatever has another shape is left out. Pure.

export interface ShownTest {
  id: string;
  outcome: "passed" | "failed" | "error" | "skipped";
  durationMs: number;
  message: string;
}

export interface ShownProblem {
  file: string;
  line: number;
  column: number;
  rule: string;
  message: string;
  severity: string;
}

export interface ShownReport {
  tools: string[];
  tests: ShownTest[];
  problems: ShownProblem[];
  /** Why a report could not be read, and other sentences. */
  remarks: string[];
}

const DEPTH = 5;
const OUTCOMES = ["passed", "failed", "error", "skipped"] as const;
const REMARKS = ["unreadable", "summary", "reason", "reasons"];

type Fields = Record<string, unknown>;

const text = (value: unknown) => (typeof value === "string" ? value : "");
const number = (value: unknown) => (typeof value === "number" ? value : 0);

/** Everything showable in a report of any shape. */
export function readReport(report: unknown): ShownReport {
  const found: ShownReport = { tools: [], tests: [], problems: [], remarks: [] };
  gather(report, found, DEPTH);
  return found;
}

function gather(value: unknown, found: ShownReport, depth: number): void {
  if (depth === 0 || typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const each of value) gather(each, found, depth - 1);
    return;
  }
  const fields = value as Fields;
  if (typeof fields.tool === "string" && !found.tools.includes(fields.tool)) found.tools.push(fields.tool);
  for (const [name, inner] of Object.entries(fields)) {
    if (name === "tests" && Array.isArray(inner)) found.tests.push(...inner.flatMap(readTest));
    else if (name === "problems" && Array.isArray(inner)) found.problems.push(...inner.flatMap(readProblem));
    else if (name === "findings" && Array.isArray(inner)) found.remarks.push(...inner.flatMap(readFinding));
    else if (REMARKS.includes(name)) found.remarks.push(...sentences(inner));
    else gather(inner, found, depth - 1);
  }
}

function sentences(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((each): each is string => typeof each === "string" && each !== "");
}

/** A finding says what was expected and what was seen instead. */
function readFinding(value: unknown): string[] {
  if (typeof value === "string") return [value];
  const fields = value as Fields | null;
  if (typeof fields !== "object" || fields === null) return [];
  const place = [text(fields.file), typeof fields.line === "number" ? String(fields.line) : ""]
    .filter(Boolean)
    .join(":");
  const said = `expected ${text(fields.expected)}, observed ${text(fields.observed)}`;
  return [[text(fields.criterion), place, said].filter(Boolean).join(": ")];
}

function readTest(value: unknown): ShownTest[] {
  const fields = value as Fields | null;
  const outcome = OUTCOMES.find((each) => each === fields?.outcome);
  if (!fields || !outcome) return [];
  return [
    { id: text(fields.id), outcome, durationMs: number(fields.durationMs), message: text(fields.message) },
  ];
}

function readProblem(value: unknown): ShownProblem[] {
  const fields = value as Fields | null;
  if (typeof fields !== "object" || fields === null) return [];
  return [
    {
      file: text(fields.file),
      line: number(fields.line),
      column: number(fields.column),
      rule: text(fields.rule),
      message: text(fields.message),
      severity: text(fields.severity) || "error",
    },
  ];
}

/** Failures first, then errors of collection, skipped, passed; by name within. */
export function failuresFirst(tests: readonly ShownTest[]): ShownTest[] {
  const order = { failed: 0, error: 1, skipped: 2, passed: 3 };
  return tests.toSorted((a, b) => order[a.outcome] - order[b.outcome] || a.id.localeCompare(b.id));
}
