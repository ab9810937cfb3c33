// One line per event on standard output; the launcher adds its own prefix.

export type Log = (message: string) => void;

/** Writes a line with the time in UTC. */
export function createLog(write: (line: string) => void = (line) => process.stdout.write(line)): Log {
  return (message) => write(`${new Date().toISOString()} ${message}\n`);
}
