// The arguments of a tool call as people read them. Pure; a model wrote them, so that anything may come.

/** What a call is about, on one line: a command, a path, a pattern. */
export function callSubject(input: unknown): string {
  if (typeof input !== "object" || input === null) return typeof input === "string" ? firstLine(input) : "";
  const given = input as Record<string, unknown>;
  for (const name of ["command", "path", "pattern", "summary", "verdict"])
    if (typeof given[name] === "string" && given[name] !== "") return firstLine(given[name]);
  return "";
}

const LINE_CHARS = 200;

function firstLine(text: string): string {
  const [line = ""] = text.trim().split("\n", 1);
  return line.length > LINE_CHARS || line.length < text.trim().length
    ? `${line.slice(0, LINE_CHARS).toWellFormed()} …`
    : line;
}

const SHORT_CHARS = 120;

/** Each argument by its name, in their order: those of one short line, and those that need a block of their own. */
export function argumentsOf(input: unknown): { short: [string, string][]; long: [string, string][] } {
  const short: [string, string][] = [];
  const long: [string, string][] = [];
  if (input === null || input === undefined) return { short, long };
  const entries =
    typeof input === "object" && !Array.isArray(input) ? Object.entries(input) : [["input", input] as const];
  for (const [name, value] of entries) {
    const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    const fits = text.length <= SHORT_CHARS && !text.includes("\n");
    (fits ? short : long).push([name, text]);
  }
  return { short, long };
}
