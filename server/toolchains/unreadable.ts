// Says in one place why a tool's report could not be used, with the end of what the tool printed.
import type { RunOutput } from "./port";

/** Reports above this are refused: they come from untrusted code. */
export const MAX_REPORT_CHARS = 16 * 1024 * 1024;

const TAIL = 2000;

/** @returns a sentence for people and models: who, what went wrong, and the last output */
export function unreadableBecause(tool: string, reason: string, output: RunOutput): string {
  const printed = (output.stderr.trim() || output.stdout.trim()).slice(-TAIL);
  const code = output.exitCode === null ? "killed" : `exit code ${output.exitCode}`;
  return `${tool} ${reason} (${code}).${printed ? `\n${printed}` : ""}`;
}
