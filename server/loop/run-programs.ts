// Programs of a toolchain, run in the job's sandbox: the tool's own run and then its report, read from a file that
// the program's output cannot be mixed into.
import type { CommandResult, CommandSpec, ExecSpec } from "../../runner/protocol";
import { inOneSandbox } from "../agents/one-sandbox";
import type { Db } from "../db";
import { GiveUp } from "../domain/step-outcome";
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

export interface Wanted {
  key: string;
  spec: CommandSpec;
}

const RESET_MS = 180_000;

/** A fresh sandbox with the job's head and its dependencies; what was not committed is gone. */
export const resetOf = (key: string): Wanted => ({ key, spec: { kind: "reset", timeout_ms: RESET_MS } });

/**
 * Fills the job's sandbox anew.
 * @throws NotYet while it is filled; GiveUp when the files do not fit: what runs in a half-filled sandbox tells nothing,
 *   and what is committed from one would take files away
 */
export async function refillSandbox(db: Db, job: Job, key: string): Promise<void> {
  requireFilled(await runCommands(db, job, [resetOf(key)]));
}

/** @throws GiveUp unless each of these commands, which fill a sandbox, came to a good end */
export function requireFilled(results: readonly CommandResult[]): void {
  const failed = results.find(({ exit_code }) => exit_code !== 0);
  if (!failed) return;
  const said = (failed.failure ?? failed.stderr).trim().split("\n").slice(-3).join(" ").slice(0, 500);
  throw new GiveUp(
    "workspace",
    `The sandbox cannot be filled with the files of the job: ${said || "no reason"}`,
  );
}

/** `queued`: the caller has put the commands into the queue already. */
export interface RunOptions {
  queued?: boolean;
}

/** Puts commands into the queue without waiting, so that the worker need not wait for us between them. */
export async function queueCommands(db: Db, job: Job, wanted: readonly Wanted[]): Promise<void> {
  if (wanted.length > 0) await enqueueCommands(db, { job, commands: wanted });
}

/**
 * Runs commands of a job in order, each once per key.
 * @throws NotYet while one runs
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
  { queued = false }: RunOptions,
): Promise<Command[]> {
  if (wanted.length === 0) return [];
  if (!queued) await queueCommands(db, job, wanted);
  return awaitCommands(
    db,
    wanted.map(({ key }) => commandId(job.publicId, job.run, key)),
  );
}

/** How many sandboxes a group may lose under its leases: one that kills its own would be run for ever. */
const MAX_LOST_SANDBOXES = 3;

/**
 * Runs groups of commands of which each needs what the ones before it left in the sandbox. A group whose sandbox was
 * lost in the middle is run again as a whole, under keys of its own, which what is stored decides.
 * @throws NotYet while one runs
 */
export async function runTogether(
  db: Db,
  job: Job,
  groups: readonly (readonly Wanted[])[],
  options: RunOptions = {},
): Promise<CommandResult[][]> {
  const results: CommandResult[][] = [];
  let open = groups.map((group, index) => ({ group, index, lost: 0 }));
  for (let attempt = 1; open.length > 0; attempt++) {
    const named = ({ key, spec }: Wanted) => ({ key: attempt === 1 ? key : `${key}#${attempt}`, spec });
    const wanted = open.flatMap(({ group }) => group.map(named));
    const rows = await runRows(db, job, wanted, attempt === 1 ? options : {});
    open = open.filter((entry) => {
      const own = rows.splice(0, entry.group.length);
      results[entry.index] = own.map(resultOf);
      if (own.some((row) => row.fence !== own[0]?.fence)) return true;
      if (inOneSandbox(own)) return false;
      entry.lost++;
      return entry.lost < MAX_LOST_SANDBOXES;
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

export interface Tool {
  key: string;
  command: ToolCommand;
}

/**
 * Runs tools, all in one go, and reads their reports.
 * @param tools in order; a key each
 * @throws NotYet while one runs
 */
export async function runTools(
  db: Db,
  job: Job,
  tools: readonly Tool[],
  options: RunOptions = {},
): Promise<RunOutput[]> {
  const groups = tools.map(({ key, command }) => toolCommands(key, command));
  return (await runTogether(db, job, groups, options)).map(outputOf);
}

/** What a tool came to, by the results of its commands. */
export function outputOf([run, report]: readonly CommandResult[]): RunOutput {
  if (!run) throw new Error("a tool without a command");
  return {
    exitCode: run.exit_code,
    stdout: run.stdout,
    stderr: run.failure ?? run.stderr,
    report: report && report.exit_code === 0 ? report.stdout : null,
  };
}

/** The commands of a tool: its own run and, when it writes one, the reading of its report. */
export function toolCommands(
  key: string,
  { argv, env, timeoutMs, report, cwd = "." }: ToolCommand,
): Wanted[] {
  const run = execSpec(report ? ["sh", "-c", 'rm -f -- "$0"; exec "$@"', report, ...argv] : argv, {
    env,
    cwd,
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
