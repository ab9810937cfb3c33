// Streamed chunks as lines. The two streams are cut independently: a chunk may end in the middle of a line. Pure.
import type { Output } from "./log-model";

export interface OutputLine {
  stream: Output["stream"];
  text: string;
}

/** More of one line than anybody reads, and more than a browser lays out quickly. */
export const LONGEST_LINE = 4000;

/** Lines in the order in which they were completed; an unfinished last line is shown too. */
export function outputLines(output: readonly Output[]): OutputLine[] {
  const lines: OutputLine[] = [];
  const rest = { stdout: "", stderr: "" };
  for (const { stream, text } of output) {
    const parts = (rest[stream] + text).split("\n");
    rest[stream] = parts.pop() ?? "";
    for (const part of parts) lines.push({ stream, text: shorten(part) });
  }
  for (const stream of ["stdout", "stderr"] as const) {
    if (rest[stream]) lines.push({ stream, text: shorten(rest[stream]) });
  }
  return lines;
}

function shorten(line: string): string {
  if (line.length <= LONGEST_LINE) return line;
  return `${line.slice(0, LONGEST_LINE)} … ${(line.length - LONGEST_LINE).toLocaleString("en")} more characters`;
}
