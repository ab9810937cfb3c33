// Local models often write a tool call as text instead of making one. This finds such calls: the whole answer, a
// fenced block, or a <tool_call> element that is JSON and names a tool that was offered. Nothing else is guessed.
import { readJson } from "./repair-json";

export interface TextCall {
  name: string;
  input: unknown;
  /** Why it could not be read, though it is plainly a call; then it is not made. */
  unreadable?: string;
}

export interface SplitText {
  /** What remains to be read. */
  text: string;
  calls: TextCall[];
}

const WRAPPED: [pattern: RegExp, end: string][] = [
  [/<tool_call>([\s\S]*?)<\/tool_call>/g, "</tool_call>"],
  [/```(?:json|tool_call|tool)?[ \t]*\r?\n([\s\S]*?)```/g, "```"],
];

/** Takes tool calls out of an answer's text. A marked piece that is plainly a call but no JSON is one that cannot be read. */
export function splitToolText(text: string, tools: readonly string[]): SplitText {
  if (tools.length === 0) return { text, calls: [] };
  const whole = readCalls(text.trim(), tools);
  if (whole) return { text: "", calls: whole };
  const calls: TextCall[] = [];
  let rest = text;
  for (const [pattern, end] of WRAPPED) {
    // Behind the last end none begins, so that nobody looks for the end of each of many beginnings.
    const behind = rest.lastIndexOf(end) + end.length;
    if (behind < end.length) continue;
    const ended = rest.slice(0, behind).replace(pattern, (piece: string, inner: string) => {
      const found = readCalls(inner.trim(), tools);
      if (!found) {
        const name = claimedCall(inner, tools);
        if (name === null) return piece;
        calls.push({ name, input: {}, unreadable: "its arguments are not valid JSON" });
        return "";
      }
      calls.push(...found);
      return "";
    });
    rest = ended + rest.slice(behind);
  }
  return calls.length > 0 ? { text: rest.trim(), calls } : { text, calls };
}

function readCalls(json: string, tools: readonly string[]): TextCall[] | null {
  if (!/^[{[]/.test(json)) return null;
  const read = readJson(json);
  if ("wrong" in read) return readLines(json, tools);
  const { value } = read;
  const calls = (Array.isArray(value) ? value : [value]).map((item) => readCall(item, tools));
  const found = calls.filter((call) => call !== null);
  return found.length > 0 && found.length === calls.length ? found : null;
}

/** One call a line, as some models put several. */
function readLines(json: string, tools: readonly string[]): TextCall[] | null {
  const lines = json.split("\n").filter((line) => line.trim() !== "");
  if (lines.length < 2) return null;
  const calls: TextCall[] = [];
  for (const line of lines) {
    try {
      const call = readCall(JSON.parse(line), tools);
      if (!call) return null;
      calls.push(call);
    } catch {
      return null;
    }
  }
  return calls;
}

function readCall(value: unknown, tools: readonly string[]): TextCall | null {
  if (!isRecord(value)) return null;
  const inner = isRecord(value.function) ? value.function : value;
  const name = inner.name ?? inner.tool ?? inner.tool_name;
  if (typeof name !== "string" || !tools.includes(name)) return null;
  const input = inner.arguments ?? inner.parameters ?? inner.input ?? inner.args;
  if (typeof input === "string") {
    try {
      return { name, input: JSON.parse(input) };
    } catch {
      return null;
    }
  }
  return isRecord(input) ? { name, input } : null;
}

function claimedCall(text: string, tools: readonly string[]): string | null {
  const name = /^\s*\{\s*"(?:name|tool|tool_name)"\s*:\s*"([^"]*)"/.exec(text)?.[1];
  const claims =
    name !== undefined && tools.includes(name) && /"(?:arguments|parameters|input|args)"\s*:/.test(text);
  return claims ? name : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
