// Programs of a toolchain, run in the job's sandbox: the tool's own run and then its report, read from a file that
// the program's output cannot be mixed into.
import type { CommandResult, CommandSpec, ExecSpec } from "../../runner/protocol";
import type { Db } from "../db";
import { NotYet } from "../domain/step-outcome";
import type { Job } from "../generated/prisma/client";
import { awaitCommands, resultOf } from "../services/commands/await-commands";
import { commandId, enqueueCommands } from "../services/commands/enqueue-command";
import type { RunOutput, ToolCommand } from "../toolchains/port";

const REPORT_BYTES = 8 * 1024 * 1024;
const OUTPUT_BYTES = 256 * 1024;

/** An exec without frills. */
export function execSpec(argv: string[], more: Partial<ExecSpec> = {}): ExecSpec {
  return {
    kind: "exec",
    argv,
    cwd: ".",
    env: {},
    stdin: null,
    timeout_ms: 30_000,
    max_output_bytes: OUTPUT_BYTES,
    live: false,
    ...more,
  };
}

/** `pinned`: all must run in the one sandbox of the present lease, or the body begins again under the next. */
export interface RunOptions {
  pinned?: boolean;
}

/**
 * Runs commands of a job in order, each once per key.
 * @throws NotYet while one runs, or when a pinned one lost its sandbox
 */
export async function runCommands(
  db: Db,
  job: Job,
  wanted: readonly { key: string; spec: CommandSpec }[],
  { pinned = false }: RunOptions = {},
): Promise<CommandResult[]> {
  if (wanted.length === 0) return [];
  await db.$transaction((tx) => enqueueCommands(tx, { job, commands: wanted, pinned }));
  const rows = await awaitCommands(
    db,
    wanted.map(({ key }) => commandId(job.publicId, job.run, key)),
  );
  if (pinned && rows.some((row) => row.state === "lost" || row.fence !== job.fence)) {
    throw new NotYet({ kind: "later", ms: 200 });
  }
  return rows.map(resultOf);
}

/**
 * Runs tools, all in one go, and reads their reports.
 * @param tools in order; a key each
 * @throws NotYet while one runs
 */
export async function runTools(
  db: Db,
  job: Job,
  tools: readonly { key: string; command: ToolCommand }[],
  options: RunOptions = {},
): Promise<RunOutput[]> {
  const wanted = tools.flatMap(({ key, command }) => toolCommands(key, command));
  const results = await runCommands(db, job, wanted, options);
  let next = 0;
  return tools.map(({ command }) => {
    const run = results[next++] as CommandResult;
    const report = command.report ? (results[next++] as CommandResult) : null;
    return {
      exitCode: run.exit_code,
      stdout: run.stdout,
      stderr: run.failure ?? run.stderr,
      report: report && report.exit_code === 0 ? report.stdout : null,
    };
  });
}

function toolCommands(
  key: string,
  { argv, env, timeoutMs, report }: ToolCommand,
): { key: string; spec: CommandSpec }[] {
  const run = execSpec(report ? ["sh", "-c", 'rm -f -- "$0"; exec "$@"', report, ...argv] : argv, {
    env,
    title: argv.join(" ").slice(0, 200),
    timeout_ms: timeoutMs,
    live: true,
    max_output_bytes: report ? OUTPUT_BYTES : REPORT_BYTES,
  });
  if (!report) return [{ key, spec: { ...run, live: false } }];
  return [
    { key, spec: run },
    { key: `${key}/report`, spec: execSpec(["cat", "--", report], { max_output_bytes: REPORT_BYTES }) },
  ];
}
