// One command from the server, carried out in the job's sandbox, as the result that the protocol wants.
import { CommandOutput } from "./command-output";
import { beginningOf } from "./excerpt";
import type { NetworkReport } from "./network/gateway";
import type { CommandResult, ExecSpec } from "./protocol";
import type { ExecOutcome, OutputStream, Sandbox } from "./sandbox/port";

/** A result in which nothing has happened; the starting point of all others. */
export function emptyResult(): CommandResult {
  return {
    exit_code: null,
    signal: null,
    timed_out: false,
    out_of_memory: "no",
    capped: false,
    dropped_bytes: 0,
    killed: false,
    leftovers: 0,
    duration_ms: 0,
    user_ms: 0,
    system_ms: 0,
    max_rss_kb: 0,
    sandbox: 0,
    stdout: "",
    stderr: "",
    failure: null,
    snapshot: null,
  };
}

/** A result that says why the command could not be carried out. */
export function failedResult(failure: string): CommandResult {
  return { ...emptyResult(), failure: beginningOf(failure, 2_000) };
}

/**
 * Runs a program to its end. `show` is given live output; it is used only when the command asks for it.
 * Throws SandboxError or RequestError.
 */
export async function runProgram(
  sandbox: Sandbox,
  spec: ExecSpec,
  show: (stream: OutputStream, text: string) => void,
): Promise<CommandResult & { network: NetworkReport | null }> {
  const output = new CommandOutput(spec.live ? show : null);
  const outcome = await sandbox.exec({
    argv: spec.argv,
    cwd: spec.cwd,
    env: spec.env,
    stdin: spec.stdin === null ? null : Buffer.from(spec.stdin, "utf8"),
    timeoutMs: spec.timeout_ms,
    maxOutputBytes: spec.max_output_bytes,
    ...(spec.network && { network: spec.network }),
    onOutput: (stream, data) => output.write(stream, data),
  });
  return { ...toResult(outcome), ...output.end(), network: outcome.network ?? null };
}

function toResult(outcome: ExecOutcome): CommandResult {
  return {
    ...emptyResult(),
    exit_code: outcome.exitCode,
    signal: outcome.signal,
    timed_out: outcome.timedOut,
    out_of_memory: outcome.outOfMemory,
    capped: outcome.capped,
    dropped_bytes: outcome.droppedBytes,
    killed: outcome.killed,
    leftovers: outcome.leftovers,
    duration_ms: Math.round(outcome.durationMs * 10) / 10,
    user_ms: Math.round(Math.max(0, outcome.userMs)),
    system_ms: Math.round(Math.max(0, outcome.systemMs)),
    max_rss_kb: outcome.maxRssKb,
  };
}
