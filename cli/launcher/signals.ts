/**
 * What Ctrl-C, a closed terminal and `kill` mean to the launcher: stop in order; asked again, stop at once.
 */

/** npm and the terminal both pass a Ctrl-C on, so the same one may arrive twice within this time. */
const SAME_SIGNAL_MS = 1_500;
const EXIT_INTERRUPTED = 130;

/** A request to stop. */
export interface StopRequest {
  signal: AbortSignal;
  /** Resolves with the signal's name when a stop is asked for. */
  stopped: Promise<string>;
}

/** Listens for stop requests from now on. */
export function onStopSignal(): StopRequest {
  const controller = new AbortController();
  let first = 0;
  const stopped = new Promise<string>((resolve) => {
    const onSignal = (name: string) => {
      if (first === 0) {
        first = Date.now();
        controller.abort(new Error(`stopped by ${name}`));
        resolve(name);
      } else if (Date.now() - first > SAME_SIGNAL_MS) {
        process.exit(EXIT_INTERRUPTED); // The leash ends the processes that are still stopping.
      }
    };
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => onSignal(name));
    // The reader of our output has gone, for example `npm start | head`.
    process.stdout.on("error", () => onSignal("EPIPE"));
  });
  return { signal: controller.signal, stopped };
}
