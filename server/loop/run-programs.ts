// Programs of a toolchain, run in the job's sandbox: the tool's own run and then its report, read from a file that
// the program's output cannot be mixed into.
import type { CommandResult, CommandSpec, ExecSpec } from "../../runner/protocol";
import type { Db } from "../db";
import { GiveUp, NotYet } from "../domain/step-outcome";
import type { Command, Job } from "../generated/prisma/client";
import { awaitCommands, resultOf } from "../services/commands/await-commands";
import { commandId, enqueueCommands } from "../services/commands/enqueue-command";
import type { RunOutput, ToolCommand } from "../toolchains/port";

const SNAPSHOT_MS = 60_000;
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

export interface Wanted {
  key: string;
  spec: CommandSpec;
}

/**
 * Runs commands of a job in order, each once per key.
 * @throws NotYet while one runs, or when a pinned one lost its sandbox
 */
export async function runCommands(
  db: Db,
  job: Job,
  wanted: readonly Wanted[],
  options: RunOptions = {},
): Promise<CommandResult[]> {
  return (await runRows(db, job, wanted, options)).map(resultOf);
}

async function runRows(
  db: Db,
  job: Job,
  wanted: readonly Wanted[],
  { pinned = false }: RunOptions,
): Promise<Command[]> {
  if (wanted.length === 0) return [];
  await enqueueCommands(db, { job, commands: wanted, pinned });
  const rows = await awaitCommands(
    db,
    wanted.map(({ key }) => commandId(job.publicId, job.run, key)),
  );
  if (pinned && rows.some((row) => row.state === "lost" || row.fence !== job.fence)) {
    throw new NotYet({ kind: "later", ms: 200 });
  }
  return rows;
}

/**
 * Runs groups of commands of which each needs what the ones before it left in the sandbox. A group whose worker was
 * lost in the middle is run again as a whole, under keys of its own, which the stored fences decide.
 * @throws NotYet while one runs
 */
export async function runTogether(
  db: Db,
  job: Job,
  groups: readonly (readonly Wanted[])[],
  options: RunOptions = {},
): Promise<CommandResult[][]> {
  const results: CommandResult[][] = [];
  let open = groups.map((group, index) => ({ group, index }));
  for (let attempt = 1; open.length > 0; attempt++) {
    const named = ({ key, spec }: Wanted) => ({ key: attempt === 1 ? key : `${key}#${attempt}`, spec });
    const rows = await runRows(
      db,
      job,
      open.flatMap(({ group }) => group.map(named)),
      options,
    );
    open = open.filter(({ group, index }) => {
      const own = rows.splice(0, group.length);
      results[index] = own.map(resultOf);
      return own.some((row) => row.fence !== own[0]?.fence);
    });
  }
  return results;
}

/**
 * Writes a file of the workspace and commits it.
 * @throws GiveUp when the file cannot be written or the workspace cannot be kept; NotYet while it runs
 */
export async function writeAndCommit(
  db: Db,
  job: Job,
  { write, commit }: { write: Wanted; commit: { key: string; message: string } },
): Promise<void> {
  const snapshot: CommandSpec = { kind: "snapshot", message: commit.message, timeout_ms: SNAPSHOT_MS };
  const [results = []] = await runTogether(db, job, [[write, { key: commit.key, spec: snapshot }]]);
  const [written, kept] = results;
  if (written?.exit_code !== 0)
    throw new GiveUp(
      "workspace",
      `A file could not be written: ${written?.failure ?? written?.stderr ?? ""}`,
    );
  if (!kept?.snapshot)
    throw new GiveUp("workspace", `The workspace cannot be kept as it is: ${kept?.failure ?? ""}`);
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
  const groups = tools.map(({ key, command }) => toolCommands(key, command));
  const results = await runTogether(db, job, groups, options);
  return results.map(([run, report]) => {
    if (!run) throw new Error("a tool without a command");
    return {
      exitCode: run.exit_code,
      stdout: run.stdout,
      stderr: run.failure ?? run.stderr,
      report: report && report.exit_code === 0 ? report.stdout : null,
    };
  });
}

function toolCommands(key: string, { argv, env, timeoutMs, report }: ToolCommand): Wanted[] {
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
    {
      key: `${key}/report`,
      spec: execSpec(["cat", "--", report], { title: "read the report", max_output_bytes: REPORT_BYTES }),
    },
  ];
}
