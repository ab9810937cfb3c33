// Entry of `fabrica ralph`. Exit code 0 after a stop in good order, 1 with one plain sentence otherwise.
import { createLog } from "../log";
import { runRunner } from "../run-runner";
import { runExternalJob } from "./agent-session";
import { readRalphEnv } from "./env";
import { removeStaleDoors } from "./model-door";

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
  const { runner, ralph } = readRalphEnv();
  await removeStaleDoors();
  log(`agent: ${ralph.command}`);
  await runRunner(runner, log, stop.signal, {
    agent: "external",
    runJob: (options) => runExternalJob(options, ralph),
  });
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
