import type { CommandResult } from "../../../runner/protocol";

/** What was special about an end, in words; null when nothing was. */
export function resultNote(result: CommandResult): string | null {
  if (result.failure) return result.failure;
  const notes: string[] = [];
  if (result.timed_out) notes.push("stopped at its time limit");
  if (result.out_of_memory === "yes") notes.push("ran out of memory");
  if (result.out_of_memory === "possibly") notes.push("possibly ran out of memory");
  if (result.killed && !result.timed_out) notes.push("was killed");
  if (result.capped) notes.push(`output was cut, ${result.dropped_bytes} bytes dropped`);
  if (result.leftovers > 0) notes.push(`left ${result.leftovers} processes behind, which were killed`);
  return notes.length > 0 ? notes.join("; ") : null;
}
