// A small process that starts programs for the app. Starting one copies the page tables of the starter, and that
// takes the large app 5 to 15 ms in which it can do nothing else; it takes this process less than 1 ms.
// Invariant: nothing that it started outlives the app: when the channel closes everything is killed.
import { type Program, startProgram } from "./program";
import { type HostAnswer, type HostOrder, WINDOW_BYTES } from "./program-host-protocol";

interface Running {
  program: Program;
  /** Bytes of stdout that the app has not taken yet. */
  untaken: number;
  /** Killed: nobody takes what it still says. */
  dropped: boolean;
}

const running = new Map<number, Running>();

function answer(message: HostAnswer): void {
  if (process.connected) process.send?.(message);
}

function start(id: number, request: Extract<HostOrder, { kind: "start" }>["request"]): void {
  let program: Program;
  try {
    program = startProgram(request);
  } catch (error) {
    const stderr = Buffer.from(error instanceof Error ? error.message : String(error));
    answer({ id, kind: "end", end: { started: false, code: null, signal: null, stderr } });
    return;
  }
  const entry: Running = { program, untaken: 0, dropped: false };
  running.set(id, entry);
  program.stdout?.on("data", (bytes: Buffer) => {
    if (entry.dropped) return;
    entry.untaken += bytes.length;
    if (entry.untaken >= WINDOW_BYTES) program.stdout?.pause();
    answer({ id, kind: "output", bytes });
  });
  program.ended.then((end) => {
    running.delete(id);
    answer({ id, kind: "end", end });
  });
}

process.on("message", (order: HostOrder) => {
  if (order.kind === "start") return start(order.id, order.request);
  const entry = running.get(order.id);
  if (!entry) return;
  if (order.kind === "kill") {
    entry.dropped = true;
    entry.program.kill();
    // A paused stream would keep the program from counting as ended.
    entry.program.stdout?.resume();
    return;
  }
  entry.untaken -= order.bytes;
  if (entry.untaken < WINDOW_BYTES) entry.program.stdout?.resume();
});

process.on("disconnect", () => {
  for (const { program } of running.values()) program.kill();
  process.exit(0);
});

// The app's group gets its signals too; the channel says when it is time to go.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
