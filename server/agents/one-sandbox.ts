import type { Command } from "../generated/prisma/client";
import { resultOf } from "../services/commands/await-commands";

/**
 * Whether commands of one lease ran in one sandbox, so that each found what the ones before it had left. A sandbox may
 * die under its lease; the worker then makes another one from the last commit and counts on.
 */
export function inOneSandbox(rows: readonly Command[]): boolean {
  const sandboxes = rows.flatMap((row) => (row.result ? [resultOf(row).sandbox] : []));
  // A command that needed none says 0; what an older app stored says nothing.
  return new Set(sandboxes.filter((sandbox) => sandbox > 0)).size <= 1;
}
