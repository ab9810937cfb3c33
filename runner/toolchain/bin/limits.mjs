// Time limits that the adapter sets by environment variable.

/** Milliseconds that one test file may take before it is ended and reported as hanging. */
export function fileTimeoutMs() {
  return Number(process.env.FABRICA_FILE_TIMEOUT_MS) || 120_000;
}

/** Milliseconds that a whole run of jest or vitest may take; below the command's own limit, so that a report is made. */
export function runTimeoutMs() {
  return 2 * fileTimeoutMs();
}
