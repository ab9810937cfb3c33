// Signals as a shell tells them: exit code 128 + number.
import { constants } from "node:os";

const NAMES = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/**
 * bubblewrap reports a program that died of signal n as exit code 128 + n, so a program that leaves with such a code
 * by itself cannot be told from a killed one. Whether memory was the cause is therefore never read from it.
 */
export function signalOfExitCode(code: number | null): { exitCode: number | null; signal: string | null } {
  const signal = code !== null && code > 128 ? NAMES.get(code - 128) : undefined;
  return signal ? { exitCode: null, signal } : { exitCode: code, signal: null };
}
