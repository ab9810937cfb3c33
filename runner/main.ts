// Entry of the runner process. Exit code 0 after a stop in good order, 1 with one plain sentence otherwise.
import { readRunnerEnv } from "./env";
import { createLog } from "./log";
import { runRunner } from "./run-runner";

const log = createLog();
const stop = new AbortController();

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    // Asked twice means now; the kernel and the next start's reaper clean up.
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
  });
}

async function main(): Promise<void> {
  await runRunner(readRunnerEnv(), log, stop.signal);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
